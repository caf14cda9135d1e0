"""The lifecycle's table as a page with a drawn diagram: docs/lifecycle.md is what `markdown()` says, and a test compares."""

from __future__ import annotations

from incidents.calendar import TimeLimit
from incidents.clocks import Stage
from incidents.lifecycle import BESIDE, MOVES, Move, Need, Role, Standing, State, moves_from
from incidents.policy import Policy
from incidents.timing import ON_MOVE, Do

_ROLES = {
    Role.ADMINISTRATOR: "系统管理员",
    Role.SHIFT_LEAD: "值班长",
    Role.DISPATCHER: "派遣员",
    Role.INTAKE_OFFICER: "受理员",
    Role.INSPECTOR: "网格员/监督员",
    Role.DEPARTMENT: "专业部门",
    Role.EVALUATOR: "考评员",
    Role.AUDITOR: "审计员",
    Role.WALL: "大屏",
    Role.INGEST: "接入",
    Role.SYSTEM: "系统",
}
_NEEDS = {
    Need.REASON: "理由 reason",
    Need.DEPARTMENT: "部门 department",
    Need.UNTIL: "至何时 until",
    Need.INTO: "并入的案件 into",
    Need.UPHELD: "是否成立 upheld",
    Need.PHOTO: "照片 media",
    Need.VERIFIED: "核查通过在案 verified before",
}
_STANDS = {
    Standing.NOT_DENIED: "未核实为不属实 not found untrue",
    Standing.NO_RETURN: "无待处理的回退 no return stands",
    Standing.RETURN_OR_SENT: "有回退，或已派出 a return stands, or it is out",
    Standing.NOTHING_ASKED: "无待批申请 no request waits",
    Standing.ASKED: "有待批申请 a request waits",
    Standing.EXTENDABLE: "未超期，批准未满次数 in time, extensions left",
    Standing.SUSPENDABLE: "挂账未满次数 suspensions left",
    Standing.NOT_VERIFIED: "尚未核查通过 not verified yet",
    Standing.URGED: "有待答复的督办 an urge waits",
    Standing.APPEALABLE: "期限内，该部门未申诉过，有记在其名下的 in time, no appeal by this department yet, something held against it",
    Standing.REVIEWABLE: "有待复核的申诉，由另一人 an appeal waits, another person",
    Standing.REOPENABLE: "期限内 in time",
    Standing.MERGED: "是被并入的案件 it was merged",
    Standing.NORMAL: "设备恢复足够久 the device is normal for long enough",
    Standing.NOTABLE: "结案后仅受理员、值班长 once closed: intake officer and lead only",
}
_DOES = {
    Do.BEGIN: "起 begins",
    Do.STOP: "止 stops",
    Do.PAUSE: "停 pauses",
    Do.RESUME: "续 resumes",
    Do.EXTEND: "延 extends",
}
_CLOCKS_OF = {
    "grant": "延期：处置 延 extends；挂账：处置 停 pauses",
    "redispatch": "派遣 止 stops；处置 同部门续，他部门重起 resumes, or begins anew; 签收 起 begins",
    "unmerge": "受理或派遣 起 begins",
}
"""What depends on the record, in words."""

_HEAD = """\
# 案件的一生 The life of an incident

本页由 `incidents/lifecycle.py` 中唯一的一张表生成，请勿手改；表变则页变，有测试比对。
This page is written by `incidents.lifecycle_drawing` from the one table in `incidents/lifecycle.py`; do not edit it, a test
compares the two. Allowed moves, the API's answers and this drawing all come from that table.
"""

_POLICY = (
    ("reopen_within_days", "重开：结案后多少天内", "reopen: days after closing"),
    ("appeal_within_days", "申诉：结案后多少天内", "appeal: days after closing"),
    (
        "appeal_for",
        "申诉须有什么在案：overdue 超期、rework 返工、send_back 回退、urge 督办、anything 不限；空为不受理",
        "what must stand against the department; empty: nothing is heard",
    ),
    ("max_extensions", "延期至多批准几次", "extensions granted at most"),
    ("max_suspensions", "挂账至多批准几次", "suspensions granted at most"),
    ("max_suspension_days", "挂账至多多少天", "days of a suspension at most"),
    ("urge_answer", "督办答复时限，逾期升一级", "an urge is answered within, else one level up"),
    ("urge_levels", "督办逐级告知谁", "whom each level of an urge tells"),
    ("auto_urge_overdue", "超期由系统督办", "the system urges what is overdue"),
    ("self_close", "设备恢复后按类别不做/建议核查/自动结案", "off, propose or close, by category"),
    ("photos", "哪些类别的哪些办理须附照片", "moves that need a photo, by category"),
    ("max_photos", "一个案件至多多少张照片（人员的）", "photos of one incident, of people's"),
    ("max_photos_at_once", "一次上报或办理至多多少张照片", "photos of one report or move"),
    (
        "max_snapshots",
        "一个案件至多多少张抓拍（设备的）",
        "snapshots of one incident, of machines'",
    ),
    (
        "parent_may",
        "上级部门对下级部门的案件：nothing 不见、see 可见、act 可见可办",
        "a department above: does not see, sees, or sees and moves what those below it have",
    ),
)
_REFUSALS = """\
## 拒绝 What a refusal means

| code | HTTP | 含义与办法 meaning and what to do |
|---|---|---|
| `move_refused` | 409 | 此状态或在案情况不允许；`allowed` 列出可办理的 not from here, or something on record stands in the way; `allowed` lists what may be done |
| `move_forbidden` | 403 | 角色、部门、辖区或任务不是您的 not your role, department, area or task |
| `move_incomplete` | 422 | 缺少或不合规；`needs` 说明缺什么 something is missing or unfit; `needs` says what |
| `photos_too_many` | 422 | 照片超过一次或一案的张数；`most`、`left` 写明至多与尚可的张数 more photos than at once or of one incident; `most` and `left` say how many |
| `stale` | 412 | 他人已先更新；`current` 是现状，按其 ETag 再办 somebody was quicker; `current` is how it stands |
| `unavailable` | 503 | 所涉案件正被反复更新，稍后再试 the incidents concerned keep changing; try again |
"""

_TAIL = """\
## 另外 Besides

- 规则判定的案件自“已立案”开始；派遣路由写明自动的，随即由系统派遣，流转记录中两步俱在。
  An incident a rule opens begins in `open`; where its route is automatic the system dispatches it at once, and the history
  shows both steps. The same happens when an intake officer makes the move `open`.
- 人工上报的案件自“已上报”开始。An incident a person reports begins in `reported`.
- 并入（`join`）只计数、关联上报信息，不改变状态。A joined event is counted and linked; the state stays.
- 并案（`merge`）使子案作废并记其并入何案，主案计入其上报数（`absorb`）；拆案（`unmerge`）反之（`release`），立过案的子案回到“已立案”
  重新派遣，否则回到“已上报”。两案的流转记录俱在，统计只计主案。
  A merge voids the child, which remembers its parent; the parent counts its reports. An unmerge takes that back: a child
  that was ever opened is open again, to be dispatched anew. Both histories stay, statistics count the parent alone.
- 回退后只能改派、更正（备注）或作废；改派给原部门须写理由，处置计时接着走，派给他部门则重新起算。
  After a return the receiver may send it again, correct it (note) or void it. To the same department only with a reason:
  then the handling clock goes on; to another department it begins anew. A plain `dispatch` is taken as `redispatch`.
- 批准的延期按原时限再加一次，自原到期时刻起算；挂账到期由系统恢复。申请因改变状态而失效。
  A granted extension adds the original limit once more to the deadline; the system resumes a suspension that is over. A
  request lapses when the incident moves on.
- 超期由系统督办一次；督办逾期未答复逐级升级；处置反馈与结案使其终止。
  The system urges once for each missed deadline; an urge without an answer goes up level by level; reporting handled or
  ending the incident ends it.
- 哪些办理须附照片、次数、天数、督办级别、自动结案由城市规定（standards 中的 policy）。
  Which moves need a photo, how often, how many days, the levels of an urge and self-closing are the city's policy.
- 一次请求可写明随后的办理（`then`），同一人、同一事务，全部成功或全部不办。
  A request may say further moves (`then`): the same person, one transaction, all or none.
- 部门只能办理派给本部门的案件；有辖区的账户只能办理辖区内的案件。
  A department moves only incidents that are its own (an assisting one may note, a former one appeal), an account with an area only what lies
  in it. A task is given back by the inspector who has it.
- 超期、返工等记在当时主办的部门名下；超期时改派他部门的，结案后原部门也可申诉（`/moves` 给它列出 `appeal`，`held` 写明记了什么）。
  每个部门一次，各自两人复核；成立只及该部门，原始事实仍在。多件待复核时以 `department` 指明，缺省取最早的；上级部门代下级申诉亦然。
  `/moves` 在这两项上列出可指明的部门（`departments`）；还可申诉而未申诉的及其期限在 `appealable`。
  What is held against a department (late, to be done again) stays held against it when the incident goes to another: after
  closing it, too, may appeal. Once for each department, each with two reviews of its own; upheld concerns that department
  alone. Where several wait, `department` names one, else it is the oldest; one above names for whom it appeals. `/moves`
  lists those that may be named (`departments`); who may still appeal, and until when, stands in `appealable`.
- 结案后由受理员、值班长补记回访（`note`），市民的满意度写作 `"data": {"satisfaction": 5}`（1 至 5）；别人登记不了。
  After closing the intake officer or the lead notes what the citizen said; nobody who is scored by it writes it down.
- 上级部门看得见下级部门的案件；能否代为办理由城市规定（`parent_may`）。
  A department sees what those below it in the tree have; whether it may act for them is the city's policy.
- 每一步都写入只增不改的流转记录，并在同一事务中写入待发事实。
  Every move appends one row to the history and one fact to the outbox, in the same transaction.
"""


def markdown() -> str:
    """The page, Chinese first, ending with a newline."""
    parts = [_HEAD, *_diagram(), "", *_states(), "", *_moves(), "", *_beside(), ""]
    parts += [*_policy(), "", _REFUSALS, _TAIL]
    return "\n".join(parts)


def _diagram() -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f'    state "{s.zh} {s}" as {s}' for s in State]
    lines += ["    [*] --> reported: 上报 report", "    [*] --> open: 规则立案 a rule opens"]
    for move in MOVES.values():
        for source in (s for s in State if s in move.sources):
            ends = move.targets(source) - (frozenset() if move.target else {source})
            lines += [
                f"    {source} --> {end}: {move.zh} {move.name}" for end in State if end in ends
            ]
    lines += [f"    {s} --> [*]" for s in State if s.ended]
    return [*lines, "```"]


def _states() -> list[str]:
    lines = ["## 状态 States", "", "| state | 术语 | 可办理 moves from here |", "|---|---|---|"]
    for state in State:
        names = "、".join(f"`{m.name}`" for m in moves_from(state)) or "—"
        lines.append(f"| `{state}` | {state.zh} | {names} |")
    return lines


def _moves() -> list[str]:
    lines = [
        "## 流转 Moves",
        "",
        "| move | 术语 | 自 from | 至 to | 由谁 by | 须有 needs | 须在案 on record | 计时 clocks | fact |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return [*lines, *(_row(move) for move in MOVES.values())]


def _row(move: Move) -> str:
    sources = "、".join(s.zh for s in State if s in move.sources)
    target = "不变 stays" if move.target is None else move.target.zh
    target += "".join(f"，或 {s.zh}" for s in State if s in move.also)
    roles = "、".join(f"{_ROLES[r]} `{r}`" for r in Role if r in move.roles)
    needs = "、".join(_NEEDS[n] for n in Need if n in move.needs) or "—"
    stands = "、".join(_STANDS[s] for s in Standing if s in move.stands) or "—"
    return (
        f"| `{move.name}` | {move.zh} | {sources} | {target} | {roles} | {needs} | {stands} "
        f"| {_clocks(move)} | `{move.fact}` |"
    )


def _clocks(move: Move) -> str:
    if move.target is not None and move.target.ended:
        return "全部止 all stop"
    acts = ON_MOVE.get(move.name, ())
    told = "；".join(f"{Stage(stage).zh} {_DOES[do]}" for do, stage in acts)
    return _CLOCKS_OF.get(move.name, told) or "—"


def _beside() -> list[str]:
    lines = [
        "## 流转记录中的其他行 Other lines of a history",
        "",
        "| line | 术语 | fact |",
        "|---|---|---|",
    ]
    return [*lines, *(f"| `{name}` | {zh} | `{fact}` |" for name, (zh, fact) in BESIDE.items())]


def _policy() -> list[str]:
    """The members of the policy with their defaults."""
    lines = [
        "## 办理规定 The city's policy",
        "",
        "standards 的 `policy`；不写的用默认值。 Member `policy` of the standards; what is left out has its default.",
        "",
        "| member | 含义 meaning | 默认 default |",
        "|---|---|---|",
    ]
    usual = Policy()
    for name, zh, en in _POLICY:
        lines.append(f"| `{name}` | {zh} {en} | {_said(getattr(usual, name))} |")
    return lines


def _said(value: object) -> str:
    if isinstance(value, TimeLimit):
        return f"{value.zh} {value.en}"
    if isinstance(value, tuple):
        return "；".join(v if isinstance(v, str) else "、".join(v) for v in value) or "—"
    return {True: "是 yes", False: "否 no"}[value] if isinstance(value, bool) else str(value)
