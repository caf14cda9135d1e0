/** The colours of a map: dark for a wall in a dark hall, light for the desk's light page. Shape tells a kind, colour only helps. */

export interface Look {
  /** What lies below all: the page's own colour there, which the lines and names below are to be told from. */
  ground: string;
  /** Around the names. */
  halo: string;
  name: string;
  nameDistrict: string;
  cell: string;
  district: string;
  street: string;
  community: string;
  urgent: string;
  urgentEdge: string;
  overdue: string;
  other: string;
  edge: string;
  heard: string;
  silent: string;
  never: string;
  camera: string;
  ruler: string;
  /** Of a vector base map: the quiet areas, then its lines and names. */
  water: string;
  land: string;
  building: string;
  boundary: string;
  river: string;
  roadLarge: string;
  roadMiddle: string;
  road: string;
  rail: string;
  baseName: string;
}

export const DARK: Look = {
  ground: "#06101f",
  halo: "#050d1a",
  name: "#a9c3e4",
  nameDistrict: "#dcecff",
  cell: "rgba(90, 140, 200, 0.28)",
  district: "#5fa8e6",
  street: "rgba(95, 168, 230, 0.75)",
  community: "rgba(95, 168, 230, 0.4)",
  urgent: "#ff5a4f",
  urgentEdge: "#ffffff",
  overdue: "#ffc24d",
  other: "#46b3ff",
  edge: "#04101f",
  heard: "#45d68f",
  silent: "#ffc24d",
  never: "#7f95b3",
  camera: "#b79bff",
  ruler: "#ffffff",
  water: "#0b2440",
  land: "#0a1c22",
  building: "#12203a",
  boundary: "#3a4f73",
  river: "#0f3157",
  roadLarge: "#3b5580",
  roadMiddle: "#314667",
  road: "#24344f",
  rail: "#2a3650",
  baseName: "#8ea3c2",
};

export const LIGHT: Look = {
  ground: "#f1f4f8",
  halo: "#ffffff",
  name: "#33465f",
  nameDistrict: "#12243d",
  cell: "#7b8898",
  district: "#0b57b0",
  street: "#2c6cb4",
  community: "#4d7fb8",
  urgent: "#b3121d",
  urgentEdge: "#ffffff",
  overdue: "#9a5700",
  other: "#0b57b0",
  edge: "#ffffff",
  heard: "#0a6b3d",
  silent: "#8a4b00",
  never: "#5a6a7e",
  camera: "#6a3fc0",
  ruler: "#16202e",
  water: "#cfe2f4",
  land: "#e1eedd",
  building: "#e2e6ec",
  boundary: "#6d7d95",
  river: "#437cb0",
  roadLarge: "#66758a",
  roadMiddle: "#728095",
  road: "#7b8798",
  rail: "#7b8798",
  baseName: "#4a586b",
};
