/** First letters of pinyin, out of the order that the browser's own Unicode tables (CLDR, pinyin) give to Chinese.
 *
 * Those tables mark where each letter begins with U+FDD0 and the letter. Nothing has to be shipped; where a browser
 * was built without them, `known` is false and only the words themselves are searched.
 */

const LETTERS = "ABCDEFGHJKLMNOPQRSTWXYZ";
const order = new Intl.Collator("zh-Hans-CN-u-co-pinyin");

/** Characters with a second reading that names of this trade use. */
const ALSO: Record<string, string> = { 行: "H", 长: "C", 重: "C", 调: "T", 车: "J", 泊: "B", 厦: "S", 露: "L", 场: "C", 乐: "Y", 单: "S", 曾: "Z", 辟: "P" };

function letter(char: string): string {
  if (/[a-z0-9]/i.test(char)) return char.toUpperCase();
  let found = "";
  for (const one of LETTERS) {
    if (order.compare(char, `\uFDD0${one}`) < 0) break;
    found = one;
  }
  return found;
}

/** Whether this browser's tables are there and right. */
export const known = [..."井盖路灯垃圾占道"].map(letter).join("") === "JGLDLJZD";

/** The letters each character may begin with: 行道 is "XH" and "D". */
export function initials(text: string): string[] {
  if (!known) return [];
  return [...text].filter((char) => /[\p{Script=Han}a-z0-9]/iu.test(char)).map((char) => letter(char) + (ALSO[char] ?? ""));
}

/** Whether letters begin somewhere in a row of initials. */
export function begins(asked: string, row: readonly string[]): boolean {
  const letters = [...asked.toUpperCase()];
  for (let at = 0; at + letters.length <= row.length; at++) {
    if (letters.every((one, step) => row[at + step]?.includes(one))) return true;
  }
  return false;
}
