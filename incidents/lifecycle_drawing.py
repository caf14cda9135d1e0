"""The lifecycle's table as a page with a drawn diagram: docs/lifecycle.md is what `markdown()` says, and a test compares."""

from __future__ import annotations

from incidents.lifecycle import MOVES, Move, Need, Role, State, moves_from

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
    Need.VERIFIED: "核查通过在案 verified before",
}

_HEAD = """\
# 案件的一生 The life of an incident

本页由 `incidents/lifecycle.py` 中唯一的一张表生成，请勿手改；表变则页变，有测试比对。
This page is written by `incidents.lifecycle_drawing` from the one table in `incidents/lifecycle.py`; do not edit it, a test
compares the two. Allowed moves, the API's answers and this drawing all come from that table.
"""

_TAIL = """\
## 另外 Besides

- 规则判定的案件自“已立案”开始；派遣路由写明自动的，随即由系统派遣，流转记录中两步俱在。
  An incident a rule opens begins in `open`; where its route is automatic the system dispatches it at once, and the history
  shows both steps. The same happens when an intake officer makes the move `open`.
- 人工上报的案件自“已上报”开始。An incident a person reports begins in `reported`.
- 并入（`join`）只计数、关联上报信息，不改变状态。A joined event is counted and linked; the state stays.
- 部门只能办理派给本部门的案件；有辖区的账户只能办理辖区内的案件。
  A department moves only incidents that are its own, an account with an area only what lies in it.
- 每一步都写入只增不改的流转记录，并在同一事务中写入待发事实。
  Every move appends one row to the history and one fact to the outbox, in the same transaction.
"""


def markdown() -> str:
    """The page, Chinese first, ending with a newline."""
    return "\n".join([_HEAD, *_diagram(), "", *_states(), "", *_moves(), "", _TAIL])


def _used() -> list[State]:
    """States some move leads to or from (a note may be made in any): the others wait for moves to come."""
    moving = [m for m in MOVES.values() if m.target is not None]
    ends = {m.target for m in moving} | {s for m in moving for s in m.sources}
    return [s for s in State if s in ends]


def _diagram() -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f'    state "{s.zh} {s}" as {s}' for s in _used()]
    lines += ["    [*] --> reported: 上报 report", "    [*] --> open: 规则立案 a rule opens"]
    for move in MOVES.values():
        if move.target is None:
            continue
        for source in (s for s in State if s in move.sources):
            lines.append(f"    {source} --> {move.target}: {move.zh} {move.name}")
    lines += [f"    {s} --> [*]" for s in _used() if s.ended]
    return [*lines, "```"]


def _states() -> list[str]:
    lines = ["## 状态 States", "", "| state | 术语 | 可办理 moves from here |", "|---|---|---|"]
    used = _used()
    for state in State:
        names = "、".join(f"`{m.name}`" for m in moves_from(state)) or "—"
        waiting = "" if state in used else "（其流转尚未加入 its moves are not in the table yet）"
        lines.append(f"| `{state}` | {state.zh} | {names}{waiting} |")
    return lines


def _moves() -> list[str]:
    lines = [
        "## 流转 Moves",
        "",
        "| move | 术语 | 自 from | 至 to | 由谁 by | 须有 needs | fact |",
        "|---|---|---|---|---|---|---|",
    ]
    return [*lines, *(_row(move) for move in MOVES.values())]


def _row(move: Move) -> str:
    sources = "、".join(s.zh for s in State if s in move.sources)
    target = "不变 stays" if move.target is None else move.target.zh
    roles = "、".join(f"{_ROLES[r]} `{r}`" for r in Role if r in move.roles)
    needs = "、".join(_NEEDS[n] for n in Need if n in move.needs) or "—"
    return (
        f"| `{move.name}` | {move.zh} | {sources} | {target} | {roles} | {needs} | `{move.fact}` |"
    )
