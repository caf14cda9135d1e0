/** The states an incident in the queue can be in. */

import type { State } from "@/client/wire";

export const STATES_ALL: State[] = ["reported", "confirming", "open", "dispatched", "handling", "suspended", "handled", "verifying"];
