-- Evaluation by days: sums of each day beside those of each month, so that any span of days is read as fast as a month.

create table evaluation_day (
  edition int not null,
  day date not null,
  kind smallint not null,
  subject int not null,
  sums bigint[] not null,
  primary key (edition, kind, day, subject)
) with (fillfactor = 70);

-- The job makes the days of what was scored before, once: it sees that they lag behind, here and whenever a process of the
-- release before scored a batch.
alter table evaluation_state add column daily int not null default 0;
update evaluation_state set daily = -1 where batch > 0;
alter table evaluation_edition add column daily boolean not null default false;

-- 申诉 had one flag for being upheld; that one was upheld at all, or is not decided yet, has its own now
-- (incidents.evaluation.Flag): what was appealed is scored again.
insert into evaluation_due select id from incident where appeal is not null;
