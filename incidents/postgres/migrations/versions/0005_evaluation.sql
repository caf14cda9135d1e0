-- Evaluation 综合评价: what each incident counts as, closed months.
select;
