-- The trade: what an incident remembers of clocks, returns, suspensions, urging, appeals and merging.
select;
