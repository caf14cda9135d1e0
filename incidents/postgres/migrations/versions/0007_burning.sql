-- The desk's queue: what burns first; requests that wait; what was given back.

-- When an incident burns: the soonest of its clocks; an urgent one fifteen centuries earlier, one without a clock last. One
-- instant, so that a list in this order is turned by a key.
create function incident_burns(urgent_ boolean, due_at_ timestamptz, stage_due_at_ timestamptz) returns timestamptz
language sql immutable parallel safe as $$
  select (coalesce(least(due_at_, stage_due_at_), '3000-01-01 00:00:00+00'::timestamptz) at time zone 'UTC'
          - case when urgent_ then interval '1500 years' else interval '0' end) at time zone 'UTC'
$$;
create index incident_burning on incident (incident_burns(urgent, due_at, stage_due_at), id, department, district)
  where state not in ('closed', 'void');
create index incident_asked on incident (reported_at desc, id desc) where asked is not null;
create index incident_returned on incident (reported_at desc, id desc) where returned is not null;
