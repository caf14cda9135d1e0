-- 待办 and 申诉: what the desk must never lose sight of, few among many, each found by an index of its own.

-- An urge 督办 that waits for an answer.
create index incident_urged on incident (reported_at desc, id desc) where urge_due_at is not null;

-- Whether an appeal waits for its reviews: one of a department's, or the one of an incident from before each had its own.
create function incident_appeal_waits(appeal_ jsonb) returns boolean
language sql immutable parallel safe as $$
  select coalesce(appeal_ @? '$.heard.*.outcome ? (@ == null)' or appeal_ @? '$.outcome ? (@ == null)', false)
$$;
create index incident_appeal_waits on incident (reported_at desc, id desc) where incident_appeal_waits(appeal);

-- What is held against departments it was taken from, or was said by them, of what was closed lately.
create index incident_held on incident (closed_at) where closed_at is not null and appeal is not null;
