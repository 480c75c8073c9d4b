-- A pooler's console knows these two commands and no SELECT.

--- query pools
--- on        pooler
--- per       node
--- every     1s
--- key       database
SHOW POOLS;

--- query pool_databases
--- on        pooler
--- per       node
--- every     1s
--- key       name
SHOW DATABASES;
