/** The shapes that pages speak of, by name. */

import type { components } from "./openapi";

type Schemas = components["schemas"];
export type Incident = Schemas["IncidentShown"];
export type State = Schemas["State"];
export type Role = Schemas["Role"];

/** A fact as `/live` tells it (docs/wire/incident_fact.v1): what happened, and the incident after it. */
export interface Fact {
  fact_id: string;
  fact: string;
  number: string;
  version: number;
  at: string;
  from_state: State | null;
  incident: Incident;
}
