-- What runs right now on both sides.

--- check no_prepared_transactions
--- group     running work
--- title     No prepared transaction is open on the source
--- on        source
--- per       node
--- severity  block
--- why       It holds its locks through the freeze and commits after it; in any database it stops slots from being made.
--- remedy    COMMIT PREPARED or ROLLBACK PREPARED each of them.
SELECT gid AS object, format('by %s in %s since %s', owner, database, prepared) AS detail
  FROM pg_prepared_xacts;

--- check no_prepared_on_target
--- group     running work
--- title     No prepared transaction is open on the target
--- on        target
--- per       node
--- severity  block
--- why       It stops the slot of the way back from being made, inside the window.
--- remedy    COMMIT PREPARED or ROLLBACK PREPARED each of them.
SELECT gid AS object, format('by %s in %s since %s', owner, database, prepared) AS detail
  FROM pg_prepared_xacts;

--- check no_long_transactions
--- group     running work
--- title     No writing transaction is older than 5 s
--- on        source
--- per       node
--- severity  block
--- why       PAUSE and every slot wait for it, in whatever database it runs.
--- remedy    Let it end, or SELECT pg_terminate_backend(pid);
SELECT 'pid ' || a.pid AS object,
       format('%s in %s (%s), open for %s s', a.usename, a.datname, a.application_name,
              extract(epoch FROM clock_timestamp() - a.xact_start)::int) AS detail, NULL AS lacks
  FROM pg_stat_activity a
 WHERE a.backend_xid IS NOT NULL AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
   AND a.application_name NOT LIKE 'pgcutover%'
   AND a.xact_start < clock_timestamp() - interval '5 s'
UNION ALL
SELECT 'pg_stat_activity', NULL, 'pg_read_all_stats (pg_monitor has it)' WHERE NOT pg_has_role('pg_read_all_stats', 'USAGE');

--- check no_long_on_target
--- group     running work
--- title     No writing transaction of the target is older than 5 s
--- on        target
--- per       node
--- severity  block
--- why       The slot of the way back waits for it, inside the window, in whatever database it runs.
--- remedy    Let it end, or SELECT pg_terminate_backend(pid);
SELECT 'pid ' || a.pid AS object,
       format('%s in %s (%s), open for %s s', a.usename, a.datname, a.application_name,
              extract(epoch FROM clock_timestamp() - a.xact_start)::int) AS detail, NULL AS lacks
  FROM pg_stat_activity a
 WHERE a.backend_xid IS NOT NULL AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
   AND a.application_name NOT LIKE 'pgcutover%'
   AND a.xact_start < clock_timestamp() - interval '5 s'
UNION ALL
SELECT 'pg_stat_activity', NULL, 'pg_read_all_stats (pg_monitor has it)' WHERE NOT pg_has_role('pg_read_all_stats', 'USAGE');

--- check no_idle_in_transaction
--- group     running work
--- title     No session is idle in a transaction
--- on        source
--- severity  block
--- why       PAUSE of a pooler waits for it without an end.
--- remedy    Find out why; SELECT pg_terminate_backend(pid);
SELECT 'pid ' || a.pid AS object,
       format('%s (%s), idle for %s s', a.usename, a.application_name,
              extract(epoch FROM clock_timestamp() - a.state_change)::int) AS detail, NULL AS lacks
  FROM pg_stat_activity a
 WHERE a.datname = current_database() AND a.state LIKE 'idle in transaction%'
   AND a.application_name NOT LIKE 'pgcutover%'
   AND a.state_change < clock_timestamp() - interval '2 s'
UNION ALL
SELECT 'pg_stat_activity', NULL, 'pg_read_all_stats (pg_monitor has it)' WHERE NOT pg_has_role('pg_read_all_stats', 'USAGE');

--- check no_writers_on_target
--- group     running work
--- title     Nobody else writes on the target
--- on        target
--- severity  block
--- why       A row written there before the switch meets the same row from the source, and apply stops.
--- remedy    Find the program and stop it; a scheduler (pg_cron) passes the read-only fence.
SELECT 'pid ' || a.pid AS object, format('%s (%s)', a.usename, a.application_name) AS detail, NULL AS lacks
  FROM pg_stat_activity a
 WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_xid IS NOT NULL
   AND a.backend_type NOT IN ('autovacuum worker', 'walsender')
   AND a.backend_type NOT LIKE 'logical replication%'
   AND a.application_name NOT LIKE 'pgcutover%'
   -- before 17 every worker of ours is called by this name
   AND a.pid NOT IN (SELECT w.pid FROM pg_stat_subscription w WHERE w.pid IS NOT NULL)
UNION ALL
SELECT 'pg_stat_activity', NULL, 'pg_read_all_stats (pg_monitor has it)' WHERE NOT pg_has_role('pg_read_all_stats', 'USAGE');

--- check sessions_on_target
--- group     running work
--- title     No other session is open on the target
--- on        target
--- severity  warn
--- why       One from before the fence can still write; after the switch it stays read-only until it reconnects.
--- remedy    SELECT pg_terminate_backend(pid);
SELECT 'pid ' || a.pid AS object, format('%s (%s), %s', a.usename, a.application_name, a.state) AS detail, NULL AS lacks
  FROM pg_stat_activity a
 WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
   AND a.application_name NOT LIKE 'pgcutover%'
   -- after the switch it is the application
   AND NOT EXISTS (SELECT FROM pg_replication_slots s
                    WHERE s.database = current_database() AND s.slot_name LIKE 'pgcutover\_back\_%')
UNION ALL
SELECT 'pg_stat_activity', NULL, 'pg_read_all_stats (pg_monitor has it)' WHERE NOT pg_has_role('pg_read_all_stats', 'USAGE');

--- check no_locks
--- group     running work
--- title     Nobody locks a table
--- on        source
--- severity  warn
--- why       DDL or LOCK TABLE is under way: our own steps and the copy wait behind it, and the application behind them.
--- remedy    Let it end, or SELECT pg_terminate_backend(pid);
SELECT 'pid ' || l.pid AS object, format('%s on %s', l.mode, l.relation::regclass) AS detail
  FROM pg_locks l
  JOIN pg_class c ON c.oid = l.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
   AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover') AND c.relpersistence <> 't' AND c.relkind IN ('r', 'p', 'm');
