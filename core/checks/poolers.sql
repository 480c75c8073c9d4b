-- A pooler's console: a row that meets the condition is an offender.

--- check pooler_mode
--- group     poolers
--- title     The pooler pools transactions, not sessions
--- on        pooler
--- per       node
--- severity  warn
--- why       In session mode PAUSE waits until the clients disconnect.
--- remedy    Set pool_mode = transaction, or end the idle clients.
SHOW CONFIG WHERE key = 'pool_mode' AND value = 'session';

--- check pooler_wait
--- group     poolers
--- title     The pooler lets clients wait long enough
--- on        pooler
--- per       node
--- severity  warn
--- why       query_wait_timeout (seconds) ends clients that wait during the window.
--- remedy    Raise query_wait_timeout to 120 and RELOAD.
SHOW CONFIG WHERE key = 'query_wait_timeout' AND value > '0' AND value < '60';

--- check pooler_not_paused
--- group     poolers
--- title     Nobody has paused the database
--- on        pooler
--- severity  warn
--- why       Before the window that is an outage which somebody else began.
--- remedy    Ask who, then RESUME it.
SHOW DATABASES WHERE name = :'database' AND paused = '1';

--- check pooler_enabled
--- group     poolers
--- title     The database is not disabled in the pooler
--- on        pooler
--- severity  block
--- why       Clients would be refused after the window too.
--- remedy    ENABLE it.
SHOW DATABASES WHERE name = :'database' AND disabled = '1';

--- check pooler_query_timeout
--- group     poolers
--- title     The pooler ends no query that waits
--- on        pooler
--- per       node
--- severity  warn
--- why       query_timeout (seconds) ends queries that wait in the pooler during the window.
--- remedy    Set query_timeout = 0 and RELOAD.
SHOW CONFIG WHERE key = 'query_timeout' AND value > '0' AND value < '60';

--- check pooler_login_retry
--- group     poolers
--- title     The pooler tries a server again at once
--- on        pooler
--- per       node
--- severity  warn
--- why       After one failed login it waits server_login_retry (seconds) before the next: clients wait that much longer after the switch.
--- remedy    Set server_login_retry = 1 and RELOAD.
SHOW CONFIG WHERE key = 'server_login_retry' AND value > '5';

--- check pooler_idle_transaction
--- group     poolers
--- title     The pooler ends no transaction that idles
--- on        pooler
--- per       node
--- severity  info
--- why       With idle_transaction_timeout the clients that think for longer see an error when the window opens, not a wait.
--- remedy    Nothing, where the application tries again; else SET idle_transaction_timeout = 0.
SHOW CONFIG WHERE key = 'idle_transaction_timeout' AND value > '0' AND value < '10';
