import "@/tokens/tokens.css";
import "./desk.css";
import { createApp } from "vue";
import { gated } from "@/session/gate";
import { FIGURES } from "@/words/figures";
import { learn } from "@/words/words";
import Desk from "./Desk.vue";

learn(FIGURES);
createApp(gated(Desk, "desk")).mount("#page");
