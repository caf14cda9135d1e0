import "@/tokens/tokens.css";
import "./wall.css";
import { createApp } from "vue";
import { gated } from "@/session/gate";
import Wall from "./Wall.vue";

createApp(gated(Wall, "wall")).mount("#page");
