/** A page behind its door: the login until somebody is in, the page afterwards. */

import { type Component, defineComponent, h, onMounted, ref, watch, watchEffect } from "vue";
import { Refusal } from "@/client/ask";
import { line, watchPulse } from "@/age/pulse";
import { say, type Word } from "@/words/words";
import Login from "./Login.vue";
import { leave, person, resume } from "./session";

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
      // Whoever is no longer known comes in again; the page behind the door is gone with what it showed.
      watch(line, (now) => {
        if (now === "refused" && person.value) leave(new Refusal(401, "unauthenticated", say("trouble_refused"), say("trouble_refused")));
      });
      const inside = () => person.value !== null && !person.value.password_due;
      // Another role is another page: nothing that the one before was shown stays.
      const as = () => `${person.value?.role} ${person.value?.department} ${person.value?.area}`;
      return () => (asked.value ? (inside() ? h(page, { key: as() }) : h(Login)) : null);
    },
  });
}
