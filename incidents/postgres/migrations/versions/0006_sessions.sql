-- Sessions: people who log in with a password.
select;
