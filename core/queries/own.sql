--- query own_session
--- on source target standby
SELECT count(set_config(name, CASE name WHEN 'search_path' THEN ''
                                        WHEN 'row_security' THEN 'off'
                                        WHEN 'lock_timeout' THEN '2s'
                                        WHEN 'synchronous_commit' THEN 'on'
                                        WHEN 'statement_timeout' THEN '10min'
                                        WHEN 'client_connection_check_interval' THEN '5s'
                                        ELSE '0' END, false))
FROM pg_settings
WHERE name IN ('search_path', 'row_security', 'lock_timeout', 'synchronous_commit',
               'statement_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout',
               'transaction_timeout', 'client_connection_check_interval');

--- query own_begin
--- on source target
BEGIN READ WRITE;

--- query own_limits
--- on source target
SELECT set_config('lock_timeout', :'lock_timeout', :local),
       set_config('statement_timeout', :'statement_timeout', :local);

--- query own_commit
--- on source target
COMMIT;

--- query own_rollback
--- on source target
ROLLBACK;

--- query own_writable
--- on source target
SET default_transaction_read_only = off;

--- query own_unwritable
--- on source target
RESET default_transaction_read_only;

--- query own_unlogged
--- on source target
SELECT set_config(s.name, s.value, false)
FROM (VALUES ('log_statement', 'none'), ('log_min_duration_statement', '-1'),
             ('log_min_error_statement', 'panic')) AS s (name, value)
WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);

--- query own_logged
--- on source target
SELECT set_config(s.name, s.reset_val, false)
FROM pg_settings s
WHERE s.name IN ('log_statement', 'log_min_duration_statement', 'log_min_error_statement')
  AND s.setting <> s.reset_val;

--- query own_lock
--- on source target
SELECT pg_try_advisory_lock(('x' || left(md5('pgcutover/' || :'run'), 16))::bit(64)::bigint) AS ours,
       pg_backend_pid() AS pid;

--- query own_holder
--- on source target
SELECT l.pid, a.application_name,
       coalesce(host(a.client_addr), 'a local socket') AS client,
       extract(epoch FROM now() - a.backend_start)::bigint AS since_s,
       extract(epoch FROM clock_timestamp() - a.state_change)::bigint AS silent_s
FROM pg_locks l
JOIN pg_stat_activity a ON a.pid = l.pid,
     LATERAL (SELECT ('x' || left(md5('pgcutover/' || :'run'), 16))::bit(64)::bigint AS key) k
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.classid::bigint = (k.key >> 32) & 4294967295
  AND l.objid::bigint = k.key & 4294967295;

--- query own_takeover
--- on source target
-- its sessions that may write too: what it has journaled but not yet sent must not come later
SELECT count(pg_terminate_backend(a.pid)) AS ended
FROM pg_stat_activity a
WHERE a.pid IN (SELECT l.pid FROM pg_locks l
                WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid = :holder)
   OR a.application_name = 'pgcutover' AND a.usename = current_user AND a.pid NOT IN (:mine);

--- query own_at_work
--- on source target
SELECT string_agg(format('pid %s, for %s s', a.pid,
                         extract(epoch FROM clock_timestamp() - a.query_start)::int), ', ') AS sessions
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.usename = current_user
  AND a.application_name = 'pgcutover' AND a.state <> 'idle'
  -- one that has just connected
  AND a.query NOT LIKE 'SELECT count(set_config(name%';

--- query own_publish
--- on source target
SELECT set_config('application_name', :'state', false);

--- query own_function
--- on source target standby monitor member
SELECT to_regprocedure(:'what') IS NOT NULL AS there;

--- query own_extension
--- on source target standby monitor member
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = :'what') AS there;

--- query own_setting
--- on source target standby monitor member
SELECT EXISTS (SELECT FROM pg_settings WHERE name = :'what') AS there;

--- query own_blockers
--- on source target
SELECT string_agg(DISTINCT format('%s of %s (pid %s, %s)',
                                  coalesce(nullif(b.application_name, ''), b.backend_type),
                                  coalesce(b.usename, 'the server'), b.pid,
                                  coalesce(b.state, 'at work')), ', ') AS holder
FROM pg_stat_activity w,
     unnest(pg_blocking_pids(w.pid)) AS p(pid)
JOIN pg_stat_activity b ON b.pid = p.pid
WHERE w.application_name = 'pgcutover' AND w.usename = current_user AND w.wait_event_type = 'Lock';
