/** 来源: who told of an incident, in the trade's words, with the code it goes by. */

import type { Behind } from "./one";
import { tell } from "./words";

type Told = Pick<Behind, "source"> & Partial<Pick<Behind, "score">>;
interface Caller {
  name?: string | null;
  phone?: string | null;
}

/** A person's account, a rule's code; of a platform, a camera, a telephone line its own name. */
const code = (source: string): string => source.replace(/^(person|rule):/, "");

/** `reporter`: the citizen a person took it down for; a detector's `score` tells a camera's picture from other machines. */
export function sourceName({ source, score }: Told, reporter?: Caller | null): string {
  if (source.startsWith("rule:")) return `${tell("source_rule")} · ${code(source)}`;
  if (source === "person") return tell("source_person"); // who it was is not this account's to read
  if (source.startsWith("person:")) return reporter?.name || reporter?.phone ? tell("source_public", { who: code(source) }) : `${tell("source_person")} · ${code(source)}`;
  if (/12345|hot-?line/i.test(source)) return `${tell("source_hotline")} · ${source}`;
  return `${tell(score != null || /^(cam|video|vms)/i.test(source) ? "source_video" : "source_machine")} · ${source}`;
}
