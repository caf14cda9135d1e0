-- Parties: people, duty and shifts, the hand-over of a shift.
select;
