import "@/tokens/tokens.css";
import "./field.css";
import { createApp, h } from "vue";
import { gated } from "@/session/gate";
import Door from "./Door.vue";
import Field from "./Field.vue";
import { restoreSize } from "./size";

restoreSize();
const Gated = gated(Field, "field");
createApp({ render: () => [h(Door), h(Gated)] }).mount("#page");

// Over https (and on this machine) a browser may open the page without a network; elsewhere the page does without.
if ("serviceWorker" in navigator) {
  void navigator.serviceWorker
    .register("./sw.js")
    .then((found) => found.active?.postMessage("renew"))
    .catch(() => undefined);
}
