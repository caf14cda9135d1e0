/** A page behind its door: the login until somebody is in, the page afterwards. */

import { type Component, defineComponent, h, onMounted, ref, watchEffect } from "vue";
import { watchPulse } from "@/age/pulse";
import { say, type Word } from "@/words/words";
import Login from "./Login.vue";
import { person, resume } from "./session";

export function gated(page: Component, title: Word): Component {
  return defineComponent({
    setup() {
      const asked = ref(false);
      watchEffect(() => {
        document.title = `${say(title)} · ${say("city")}`;
      });
      onMounted(async () => {
        watchPulse();
        await resume();
        asked.value = true;
      });
      return () => (asked.value ? h(person.value ? page : Login) : null);
    },
  });
}
