-- The header and the server panels: one row about a server, and who is on it.

--- query node
--- on        source target standby
--- per       node
--- every     2s
--- history   oldest_xact clients_active
--- privilege pg_monitor
SELECT current_setting('server_version_num')::int AS version_num,
       pg_is_in_recovery() AS in_recovery,
       -- what the server gives a new session; NULL where this session's own start hides it
       (SELECT s.setting = 'on' FROM pg_settings s
         WHERE s.name = 'default_transaction_read_only'
           AND s.source NOT IN ('client', 'session', 'database', 'user', 'database user')) AS read_only,
       (SELECT string_agg(d.datname, ', ' ORDER BY d.datname)
          FROM pg_db_role_setting r
          JOIN pg_database d ON d.oid = r.setdatabase
          CROSS JOIN LATERAL unnest(r.setconfig) AS c (line)
         WHERE r.setrole = 0 AND c.line LIKE 'default\_transaction\_read\_only=%'
           AND split_part(c.line, '=', 2)::boolean) AS read_only_databases,
       a.active AS clients_active,
       a.idle AS clients_idle,
       a.idle_tx AS clients_idle_tx,
       a.total AS clients_total,
       round(a.oldest_xact::numeric, 3) AS oldest_xact,
       a.oldest_xid_age,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
            ELSE pg_current_wal_insert_lsn() END AS wal_lsn,
       extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::bigint AS start_time_s,
       (SELECT system_identifier FROM pg_control_system()) AS system_identifier
  FROM (SELECT count(*) FILTER (WHERE c.client AND c.state = 'active') AS active,
               count(*) FILTER (WHERE c.client AND c.state = 'idle') AS idle,
               count(*) FILTER (WHERE c.client AND c.state LIKE 'idle in transaction%') AS idle_tx,
               count(*) FILTER (WHERE c.client) AS total,
               coalesce(extract(epoch FROM clock_timestamp()
                                - min(c.xact_start) FILTER (WHERE c.client)), 0) AS oldest_xact,
               coalesce(max(greatest(age(c.backend_xid), age(c.backend_xmin)))
                        FILTER (WHERE c.client), 0) AS oldest_xid_age
          FROM (SELECT s.*, s.backend_type = 'client backend'
                            AND s.application_name NOT LIKE 'pgcutover%' AS client
                  FROM pg_stat_activity s) AS c) AS a;

--- query activity
--- on        source target
--- per       node
--- every     3s
--- key       pid
--- privilege pg_monitor
SELECT a.pid,
       a.datname AS database,
       a.usename,
       a.application_name,
       coalesce(host(a.client_addr), CASE WHEN a.client_port = -1 THEN 'local' END) AS client,
       a.state,
       round(extract(epoch FROM clock_timestamp() - a.xact_start)::numeric, 3) AS xact_age_s,
       round(extract(epoch FROM clock_timestamp() - a.query_start)::numeric, 3) AS query_age_s,
       a.backend_xid IS NOT NULL AS has_xid,
       CASE WHEN a.wait_event IS NOT NULL THEN a.wait_event_type || ':' || a.wait_event END AS wait,
       left(a.query, 200) AS query
  FROM pg_stat_activity a
 WHERE a.pid <> pg_backend_pid()
   AND a.backend_type = 'client backend'
   AND a.application_name NOT LIKE 'pgcutover%'
 ORDER BY a.backend_xid IS NULL, a.xact_start NULLS LAST, a.state <> 'active', a.pid
 LIMIT 200;

-- Who drives: the driver's session says so by its name (its run, step and state).
--- query driver
--- on        source target
--- per       node
--- every     5s
--- key       pid
--- privilege pg_monitor
SELECT a.pid,
       a.application_name,
       a.usename,
       coalesce(host(a.client_addr), CASE WHEN a.client_port = -1 THEN 'local' END) AS client_addr,
       round(extract(epoch FROM clock_timestamp() - a.backend_start)::numeric, 1) AS backend_age_s,
       round(extract(epoch FROM clock_timestamp() - a.state_change)::numeric, 1) AS state_age_s
  FROM pg_stat_activity a
 WHERE a.application_name LIKE 'pgcutover drive %'
 ORDER BY a.backend_start;
