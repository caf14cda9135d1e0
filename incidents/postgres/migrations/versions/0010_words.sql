-- The words of the incidents there are, in a transaction of its own: it takes about a minute and a half a million, and
-- locks nobody out; what is opened meanwhile brings its own. Only then the old index goes.

insert into incident_words select id, text_pairs(text) from incident where text <> ''
    on conflict (incident_id) do nothing;
drop index incident_text;
