import "@/tokens/tokens.css";
import "./desk.css";
import { createApp } from "vue";
import { gated } from "@/session/gate";
import Desk from "./Desk.vue";

createApp(gated(Desk, "desk")).mount("#page");
