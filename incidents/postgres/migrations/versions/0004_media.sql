-- Media: photos and files, with what was taken out of them.
select;
