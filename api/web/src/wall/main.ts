import "@/tokens/tokens.css";
import "./wall.css";
import { createApp } from "vue";
import { gated } from "@/session/gate";
import { FIGURES } from "@/words/figures";
import { learn } from "@/words/words";
import Wall from "./Wall.vue";

learn(FIGURES);
createApp(gated(Wall, "wall")).mount("#page");
