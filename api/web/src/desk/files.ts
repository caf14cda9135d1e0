/** Files the server makes: a list or one incident as Excel, PDF or CSV, saved under the name it gives them. */

import { send } from "@/client/ask";

export const FORMS = {
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  pdf: "application/pdf",
  csv: "text/csv",
} as const;

export type Form = keyof typeof FORMS;

/** Ask for a file and save it; a Refusal where there is none to be had. */
export async function takeOut(path: string, query: Record<string, unknown>, form: Form): Promise<void> {
  const answer = await send(path, query, { headers: { Accept: FORMS[form] } });
  const named = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = named ?? `yiwang.${form}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
