// The start page: which parts run, today's figures, and the newest incidents as they change. Reads only; every text
// from outside is put in as text, never as markup.

const byId = (id) => document.getElementById(id);
const TOKEN = "yiwang.token";
const SHOWN = 20;
const STALE_S = 120;
const CHECKS = {
  database: "数据库 Database", migrations: "数据库结构 Schema", decisions: "规则与网格 Decisions", kafka: "Kafka",
  workers: "数据处理 Workers", calendar: "工作日历 Calendar",
};
// A state is told by its word and its shape; colour only helps.
const STATES = {
  reported: ["○", "已上报"], confirming: ["◔", "核实中"], open: ["◎", "已立案"], dispatched: ["▷", "已派遣"],
  handling: ["▶", "处置中"], suspended: ["Ⅱ", "挂账"], handled: ["◧", "已处置"], verifying: ["◑", "核查中"],
  closed: ["●", "已结案"], void: ["×", "已作废"],
};

let token = sessionStorage.getItem(TOKEN);
let categories = new Map();
let departments = new Map();
let session = 0; // a new number ends everything that belongs to an older login
let lastId = null;

function put(parent, tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  parent.append(node);
  return node;
}

async function ask(path) {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${token}`, Accept: "application/json" } });
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(problem.detail || `HTTP ${answer.status}`), { status: answer.status });
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const clock = new Intl.DateTimeFormat("zh-CN", { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });

// ── parts ──

async function lookAtParts() {
  const whole = byId("whole");
  try {
    const answer = await fetch("readyz", { headers: { Accept: "application/json" } });
    const told = await answer.json();
    whole.textContent = told.ready ? "✔ 运行正常 running" : "✘ 有部分未就绪 not ready";
    whole.className = told.ready ? "good" : "bad";
    byId("demo").hidden = !told.demo;
    if (told.demo && byId("as-wall").hidden) offerWall();
    showChecks(told);
  } catch {
    whole.textContent = "✘ 服务无响应 no answer";
    whole.className = "bad";
  }
}

function showChecks(told) {
  const list = byId("checks");
  list.replaceChildren();
  for (const [name, check] of Object.entries(told.checks)) {
    const row = put(list, "li");
    const [mark, look] = !check.ok ? ["✘", "bad"] : check.warning ? ["！", "warn"] : ["✔", "good"];
    put(row, "span", mark, look);
    const about = put(row, "div");
    put(about, "b", CHECKS[name] || name);
    put(about, "i", check.detail);
  }
  for (const part of told.parts || []) {
    const row = put(list, "li");
    put(row, "span", part.ok ? "✔" : "✘", part.ok ? "good" : "bad");
    const about = put(row, "div");
    put(about, "b", part.name);
    put(about, "i", part.ok ? `${part.kind} · ${part.age_s} 秒前 s ago` : `${part.kind} · 已 ${part.age_s} 秒无消息 silent`);
  }
}

async function offerWall() {
  const answer = await fetch("demo/account").catch(() => null);
  if (answer && answer.ok) byId("as-wall").hidden = false;
}

// ── figures ──

async function lookAtFigures(mine) {
  while (mine === session) {
    try {
      showFigures(await ask("api/v1/wall/summary"));
    } catch (fault) {
      if (fault.status === 401) return leave("令牌已失效 the token is no longer good");
      byId("fresh").textContent = `✘ 数字未更新 figures are old: ${fault.message}`;
      byId("fresh").className = "fresh bad";
    }
    await pause(5000);
  }
}

function showFigures(told) {
  const list = byId("numbers");
  list.replaceChildren();
  const rows = [
    ["未结 open", told.open], ["超时 overdue", told.overdue], ["紧急 urgent", told.urgent],
    ["今日上报 reported", told.today.reported], ["今日立案 opened", told.today.opened], ["今日结案 closed", told.today.closed],
    ["设备 devices", told.devices], ["近一小时数据 readings/h", told.readings_last_hour], ["隔离 quarantined", told.quarantined],
  ];
  for (const [name, value] of rows) {
    const box = put(list, "div");
    put(box, "dt", name);
    put(box, "dd", Number(value).toLocaleString("zh-CN"));
  }
  const old = told.lag_s !== null && told.lag_s > STALE_S;
  byId("fresh").className = old ? "fresh bad" : "fresh";
  byId("fresh").textContent = told.data_at === null
    ? "还没有数据 no data yet"
    : `${old ? "✘ 数据已停止更新 stale, " : "数据时间 data of "}${clock.format(new Date(told.data_at))}${old ? `（${Math.round(told.lag_s / 60)} 分钟前 min ago）` : ""}`;
}

// ── incidents ──

const rows = new Map();

function show(incident, fresh) {
  const list = byId("incidents");
  const known = rows.get(incident.number);
  if (known && known.version >= incident.version) return;
  const item = document.createElement("li");
  const [shape, word] = STATES[incident.state] || ["?", incident.state];
  const time = put(item, "time", clock.format(new Date(incident.changed_at)));
  time.dateTime = incident.changed_at;
  put(item, "span", (incident.urgent ? "‼ 紧急 " : "") + (categories.get(incident.category) || incident.category), "what");
  put(item, "span", `${shape} ${word}`, "state");
  if (incident.text) put(item, "span", incident.text, "text");
  const more = [incident.number, incident.cell ? `网格 ${incident.cell}` : incident.lon == null ? "未给位置 no place given" : "网格外 outside"];
  if (incident.department) more.push(departments.get(incident.department) || incident.department);
  if (incident.reports > 1) more.push(`${incident.reports} 次上报`);
  if (incident.overdue) more.push("超时 overdue");
  const about = put(item, "span", undefined, "more");
  for (const piece of more) put(about, "span", piece);
  if (known) known.item.remove();
  rows.set(incident.number, { version: incident.version, item });
  list.prepend(item);
  if (fresh) {
    item.className = "new";
    setTimeout(() => item.classList.remove("new"), 1500);
  }
  while (list.children.length > SHOWN) list.lastElementChild.remove();
  if (rows.size > 500) for (const [number, row] of rows) if (!row.item.isConnected) rows.delete(number);
  byId("none").hidden = true;
}

async function loadNewest() {
  const page = await ask(`api/v1/incidents?limit=${SHOWN}`);
  page.items.sort((a, b) => (a.changed_at < b.changed_at ? -1 : 1));
  for (const incident of page.items) show(incident, false);
  byId("none").hidden = rows.size > 0;
}

async function loadNames() {
  const { body } = await ask("api/v1/standards");
  categories = new Map((body.categories || []).map((one) => [one.key, one.zh || one.name_zh || one.key]));
  departments = new Map((body.departments || []).map((one) => [one.code, one.zh || one.name_zh || one.code]));
}

// ── live: server-sent events through fetch, because EventSource cannot send the token in a header ──

function line(text, className) {
  byId("line").textContent = text;
  byId("line").className = className;
}

async function follow(mine) {
  let wait = 1000;
  while (mine === session) {
    try {
      const headers = { Authorization: `Bearer ${token}`, Accept: "text/event-stream" };
      if (lastId !== null) headers["Last-Event-ID"] = lastId;
      const answer = await fetch("api/v1/live", { headers, cache: "no-store" });
      if (answer.status === 401) return leave("令牌已失效 the token is no longer good");
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      line("● 实时 live", "good");
      wait = 1000;
      await read(answer.body.getReader(), mine);
      line("○ 重新连接 reconnecting", "warn");
    } catch {
      if (mine === session) line("✘ 连接中断，正在重连 reconnecting", "bad");
      await pause(wait);
      wait = Math.min(wait * 2, 15000);
    }
  }
}

async function read(reader, mine) {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (mine !== session) return reader.cancel();
    rest += decoder.decode(value, { stream: true });
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events) await take(event);
  }
}

async function take(event) {
  let name = "message";
  let data = "";
  for (const text of event.split("\n")) {
    const at = text.indexOf(":");
    const field = at < 0 ? text : text.slice(0, at);
    const value = at < 0 ? "" : text.slice(at + 1).replace(/^ /, "");
    if (field === "id") lastId = value;
    if (field === "event") name = value;
    if (field === "data") data += value;
  }
  if (name === "incident" && data) show(JSON.parse(data).incident, true);
  if (name === "reset") await loadNewest();
}

// ── coming and leaving ──

async function enter() {
  const mine = ++session;
  lastId = null;
  try {
    await loadNames().catch((fault) => { if (fault.status === 401) throw fault; });
    await loadNewest();
  } catch (fault) {
    return leave(fault.message);
  }
  byId("entry").hidden = true;
  byId("figures").hidden = byId("newest").hidden = false;
  lookAtFigures(mine);
  follow(mine);
}

function leave(why) {
  session += 1;
  token = null;
  sessionStorage.removeItem(TOKEN);
  rows.clear();
  byId("incidents").replaceChildren();
  byId("entry").hidden = false;
  byId("figures").hidden = byId("newest").hidden = true;
  byId("refused").hidden = !why;
  byId("refused").textContent = why ? `✘ ${why}` : "";
}

function use(given) {
  token = given.trim();
  sessionStorage.setItem(TOKEN, token);
  byId("token").value = "";
  enter();
}

byId("login").addEventListener("submit", (event) => { event.preventDefault(); use(byId("token").value); });
byId("leave").addEventListener("click", () => leave(""));
byId("as-wall").addEventListener("click", async () => use((await (await fetch("demo/account")).json()).token));

lookAtParts();
setInterval(lookAtParts, 5000);
fetch("version").then((a) => a.json()).then((told) => { byId("version").textContent = `${told.name} ${told.version}`; }).catch(() => {});
if (token) enter();
