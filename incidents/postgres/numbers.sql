-- name: take
-- The next number of a region's day, null once the day's 99,999 are used up.
select incident_number(%(region)s, %(day)s);
