/** Nothing lies over what is being typed: the bars step aside for the keyboard, and a field comes out from behind them. */

const TYPED = "textarea, input:not([type=file]):not([type=checkbox]):not([type=radio])";
/** A viewport that lost more than this part of its height has a keyboard before it. */
const KEYBOARD = 0.25;
/** Phones show their keyboard, and scroll, only after they told of the focus. */
const SETTLED_MS = 350;
const AIR = 8;

let width = 0;
let tallest = 0;

const height = () => window.visualViewport?.height ?? window.innerHeight;
const field = () => document.activeElement?.closest<HTMLElement>(TYPED) ?? null;

/** Whether a keyboard is up is told by the height alone: a phone with keys of its own keeps its bars. */
function measure(): void {
  if (window.innerWidth !== width) [width, tallest] = [window.innerWidth, 0]; // turned round
  tallest = Math.max(tallest, height());
  document.body.classList.toggle("typing", field() !== null && height() < tallest * (1 - KEYBOARD));
}

function uncover(): void {
  const typed = field();
  if (!typed) return;
  const [at, seen] = [typed.getBoundingClientRect(), (window.visualViewport?.offsetTop ?? 0) + height()];
  if (at.bottom > seen) window.scrollBy(0, at.bottom - seen + AIR);
  for (const bar of document.querySelectorAll<HTMLElement>(".tabs, .act, .age.loud")) {
    const [at, over] = [typed.getBoundingClientRect(), bar.getBoundingClientRect()];
    if (!over.height || over.bottom <= at.top || over.top >= at.bottom) continue;
    window.scrollBy(0, bar.matches(".age") ? at.top - over.bottom - AIR : at.bottom - over.top + AIR);
  }
}

function look(): void {
  measure();
  uncover();
}

/** Begin; the returned function ends it. */
export function keepInSight(): () => void {
  let later: ReturnType<typeof setTimeout> | undefined;
  const soon = () => {
    look();
    clearTimeout(later);
    later = setTimeout(look, SETTLED_MS);
  };
  document.addEventListener("focusin", soon);
  document.addEventListener("focusout", soon);
  window.addEventListener("resize", soon);
  window.visualViewport?.addEventListener("resize", soon);
  measure();
  return () => {
    clearTimeout(later);
    document.removeEventListener("focusin", soon);
    document.removeEventListener("focusout", soon);
    window.removeEventListener("resize", soon);
    window.visualViewport?.removeEventListener("resize", soon);
  };
}
