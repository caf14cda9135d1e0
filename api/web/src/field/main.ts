import "@/tokens/tokens.css";
import { createApp } from "vue";
import { gated } from "@/session/gate";
import Field from "./Field.vue";

createApp(gated(Field, "field")).mount("#page");
