-- 待办 and 申诉: what the desk must never lose sight of, few among many, each found by an index of its own.

-- What waits for somebody but the department that has it, in the order of the desk's queue.
create index incident_waits on incident (incident_burns(urgent, due_at, stage_due_at), id)
  where state in ('reported', 'confirming', 'open', 'handled', 'verifying') or asked is not null or urge_due_at is not null;

-- Whether an appeal waits for its reviews: one of a department's, or the one of an incident from before each had its own.
create function incident_appeal_waits(appeal_ jsonb) returns boolean
language sql immutable parallel safe as $$
  select coalesce(appeal_ @? '$.heard.*.outcome ? (@ == null)' or appeal_ @? '$.outcome ? (@ == null)', false)
$$;
create index incident_appeal_waits on incident (reported_at desc, id desc) where incident_appeal_waits(appeal);

-- What is held against departments it was taken from, or was said by them, of what was closed lately.
create index incident_held on incident (closed_at) where closed_at is not null and appeal is not null;
