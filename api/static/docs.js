// Shows openapi.json with Swagger UI from our own server. The bundled Swagger UI 4 knows OpenAPI 3.0 by name only;
// what differs in 3.1 for reading is "or null", which is told to it in its own words here.
function older(node) {
  if (Array.isArray(node)) return node.map(older);
  if (node === null || typeof node !== "object") return node;
  const out = {};
  for (const [key, value] of Object.entries(node)) out[key] = older(value);
  if (Array.isArray(out.anyOf)) {
    const real = out.anyOf.filter((one) => one.type !== "null");
    if (real.length < out.anyOf.length) {
      delete out.anyOf;
      Object.assign(out, real.length === 1 ? real[0] : { anyOf: real }, { nullable: true });
    }
  }
  if (Array.isArray(out.examples) && out.example === undefined) {
    out.example = out.examples[0];
    delete out.examples;
  }
  return out;
}

const answer = await fetch("openapi.json");
const spec = older(await answer.json());
spec.openapi = "3.0.3";
spec.servers = [{ url: new URL(".", location.href).pathname.replace(/\/$/, "") }]; // behind a path prefix, too
window.SwaggerUIBundle({
  spec,
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  persistAuthorization: false,
});
