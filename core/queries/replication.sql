-- Replication as a server's own views show it. Lag is what the other side has not confirmed yet, in
-- bytes: a display, never a proof of being caught up.

--- query slots
--- until     12
--- on        source target
--- per       node
--- every     1s
--- key       slot_name
--- history   lag
--- privilege pg_monitor
SELECT s.slot_name,
       s.plugin,
       s.slot_type,
       s.database,
       s.active,
       s.active_pid,
       s.restart_lsn,
       s.confirmed_flush_lsn,
       pg_wal_lsn_diff(w.lsn, s.confirmed_flush_lsn) AS lag,
       pg_wal_lsn_diff(w.lsn, s.restart_lsn) AS retained,
       NULL::text AS wal_status,
       NULL::bigint AS safe_wal_size,
       NULL::text AS invalidation,
       r.state AS walsender_state,
       r.sent_lsn,
       r.application_name
  FROM pg_replication_slots s
  LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
  CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                          ELSE pg_current_wal_insert_lsn() END AS lsn) AS w
 ORDER BY s.slot_name;

--- query slots
--- since     13
--- until     15
SELECT s.slot_name,
       s.plugin,
       s.slot_type,
       s.database,
       s.active,
       s.active_pid,
       s.restart_lsn,
       s.confirmed_flush_lsn,
       pg_wal_lsn_diff(w.lsn, s.confirmed_flush_lsn) AS lag,
       pg_wal_lsn_diff(w.lsn, s.restart_lsn) AS retained,
       s.wal_status AS wal_status,
       s.safe_wal_size AS safe_wal_size,
       NULL::text AS invalidation,
       r.state AS walsender_state,
       r.sent_lsn,
       r.application_name
  FROM pg_replication_slots s
  LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
  CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                          ELSE pg_current_wal_insert_lsn() END AS lsn) AS w
 ORDER BY s.slot_name;

--- query slots
--- since     16
--- until     16
SELECT s.slot_name,
       s.plugin,
       s.slot_type,
       s.database,
       s.active,
       s.active_pid,
       s.restart_lsn,
       s.confirmed_flush_lsn,
       pg_wal_lsn_diff(w.lsn, s.confirmed_flush_lsn) AS lag,
       pg_wal_lsn_diff(w.lsn, s.restart_lsn) AS retained,
       s.wal_status AS wal_status,
       s.safe_wal_size AS safe_wal_size,
       CASE WHEN s.conflicting THEN 'conflicting' END AS invalidation,
       r.state AS walsender_state,
       r.sent_lsn,
       r.application_name
  FROM pg_replication_slots s
  LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
  CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                          ELSE pg_current_wal_insert_lsn() END AS lsn) AS w
 ORDER BY s.slot_name;

--- query slots
--- since     17
SELECT s.slot_name,
       s.plugin,
       s.slot_type,
       s.database,
       s.active,
       s.active_pid,
       s.restart_lsn,
       s.confirmed_flush_lsn,
       pg_wal_lsn_diff(w.lsn, s.confirmed_flush_lsn) AS lag,
       pg_wal_lsn_diff(w.lsn, s.restart_lsn) AS retained,
       s.wal_status AS wal_status,
       s.safe_wal_size AS safe_wal_size,
       s.invalidation_reason AS invalidation,
       r.state AS walsender_state,
       r.sent_lsn,
       r.application_name
  FROM pg_replication_slots s
  LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
  CROSS JOIN (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                          ELSE pg_current_wal_insert_lsn() END AS lsn) AS w
 ORDER BY s.slot_name;

--- query subscriptions
--- until     13
--- on        source target
--- per       node
--- every     3s
--- key       subname
--- privilege pg_monitor
SELECT s.subname,
       d.datname AS database,
       s.subenabled AS enabled,
       s.subslotname AS slot_name,
       w.pid AS worker_pid,
       w.received_lsn,
       w.latest_end_lsn,
       round(extract(epoch FROM clock_timestamp() - w.latest_end_time)::numeric, 1) AS latest_end_age_s,
       round(extract(epoch FROM clock_timestamp() - w.last_msg_receipt_time)::numeric, 1) AS last_msg_age_s,
       -- asked by its own text, so that a role that may not is not refused the rest
       CASE WHEN current_setting('is_superuser') = 'on'
                 AND EXISTS (SELECT FROM pg_replication_origin o WHERE o.roname = 'pg_' || w.subid)
            THEN (xpath('/row/lsn/text()', query_to_xml(
                     format('SELECT pg_catalog.pg_replication_origin_progress(%L, false) AS lsn',
                            'pg_' || w.subid), false, true, '')))[1]::text::pg_lsn
        END AS origin_lsn,
       NULL::bigint AS apply_errors,
       NULL::bigint AS sync_errors,
       array_to_string(s.subpublications, ', ') AS publications
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid
  -- the oid may not be read by everybody here: the worker's database tells one from another
  LEFT JOIN (SELECT t.*, a.datid FROM pg_stat_subscription t
               JOIN pg_stat_activity a ON a.pid = t.pid
              WHERE t.relid IS NULL) AS w ON w.subname = s.subname AND w.datid = s.subdbid
 ORDER BY d.datname, s.subname;

--- query subscriptions
--- since     14
--- until     14
SELECT s.subname,
       d.datname AS database,
       s.subenabled AS enabled,
       s.subslotname AS slot_name,
       w.pid AS worker_pid,
       w.received_lsn,
       w.latest_end_lsn,
       round(extract(epoch FROM clock_timestamp() - w.latest_end_time)::numeric, 1) AS latest_end_age_s,
       round(extract(epoch FROM clock_timestamp() - w.last_msg_receipt_time)::numeric, 1) AS last_msg_age_s,
       -- asked by its own text, so that a role that may not is not refused the rest
       CASE WHEN has_function_privilege('pg_catalog.pg_replication_origin_progress(text, boolean)', 'EXECUTE')
                 AND EXISTS (SELECT FROM pg_replication_origin o WHERE o.roname = 'pg_' || s.oid)
            THEN (xpath('/row/lsn/text()', query_to_xml(
                     format('SELECT pg_catalog.pg_replication_origin_progress(%L, false) AS lsn',
                            'pg_' || s.oid), false, true, '')))[1]::text::pg_lsn
        END AS origin_lsn,
       NULL::bigint AS apply_errors,
       NULL::bigint AS sync_errors,
       array_to_string(s.subpublications, ', ') AS publications
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid
  LEFT JOIN pg_stat_subscription w ON w.subid = s.oid AND w.relid IS NULL
 ORDER BY d.datname, s.subname;

--- query subscriptions
--- since     15
--- until     15
SELECT s.subname,
       d.datname AS database,
       s.subenabled AS enabled,
       s.subslotname AS slot_name,
       w.pid AS worker_pid,
       w.received_lsn,
       w.latest_end_lsn,
       round(extract(epoch FROM clock_timestamp() - w.latest_end_time)::numeric, 1) AS latest_end_age_s,
       round(extract(epoch FROM clock_timestamp() - w.last_msg_receipt_time)::numeric, 1) AS last_msg_age_s,
       -- asked by its own text, so that a role that may not is not refused the rest
       CASE WHEN has_function_privilege('pg_catalog.pg_replication_origin_progress(text, boolean)', 'EXECUTE')
                 AND EXISTS (SELECT FROM pg_replication_origin o WHERE o.roname = 'pg_' || s.oid)
            THEN (xpath('/row/lsn/text()', query_to_xml(
                     format('SELECT pg_catalog.pg_replication_origin_progress(%L, false) AS lsn',
                            'pg_' || s.oid), false, true, '')))[1]::text::pg_lsn
        END AS origin_lsn,
       e.apply_error_count AS apply_errors,
       e.sync_error_count AS sync_errors,
       array_to_string(s.subpublications, ', ') AS publications
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid
  LEFT JOIN pg_stat_subscription w ON w.subid = s.oid AND w.relid IS NULL
  LEFT JOIN pg_stat_subscription_stats e ON e.subid = s.oid
 ORDER BY d.datname, s.subname;

--- query subscriptions
--- since     16
SELECT s.subname,
       d.datname AS database,
       s.subenabled AS enabled,
       s.subslotname AS slot_name,
       w.pid AS worker_pid,
       w.received_lsn,
       w.latest_end_lsn,
       round(extract(epoch FROM clock_timestamp() - w.latest_end_time)::numeric, 1) AS latest_end_age_s,
       round(extract(epoch FROM clock_timestamp() - w.last_msg_receipt_time)::numeric, 1) AS last_msg_age_s,
       -- asked by its own text, so that a role that may not is not refused the rest
       CASE WHEN has_function_privilege('pg_catalog.pg_replication_origin_progress(text, boolean)', 'EXECUTE')
                 AND EXISTS (SELECT FROM pg_replication_origin o WHERE o.roname = 'pg_' || s.oid)
            THEN (xpath('/row/lsn/text()', query_to_xml(
                     format('SELECT pg_catalog.pg_replication_origin_progress(%L, false) AS lsn',
                            'pg_' || s.oid), false, true, '')))[1]::text::pg_lsn
        END AS origin_lsn,
       e.apply_error_count AS apply_errors,
       e.sync_error_count AS sync_errors,
       array_to_string(s.subpublications, ', ') AS publications
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid
  LEFT JOIN pg_stat_subscription w ON w.subid = s.oid AND w.relid IS NULL AND w.leader_pid IS NULL
  LEFT JOIN pg_stat_subscription_stats e ON e.subid = s.oid
 ORDER BY d.datname, s.subname;

--- query subscription_tables
--- on        source target
--- per       database
--- every     10s
--- key       subname
SELECT t.subname,
       count(*) FILTER (WHERE r.srsubstate = 'i') AS state_i,
       count(*) FILTER (WHERE r.srsubstate = 'd') AS state_d,
       count(*) FILTER (WHERE r.srsubstate = 'f') AS state_f,
       count(*) FILTER (WHERE r.srsubstate = 's') AS state_s,
       count(*) FILTER (WHERE r.srsubstate = 'r') AS state_r,
       count(*) AS total
  FROM pg_subscription_rel r
  -- pg_stat_subscription has one row a worker: its name and oid are readable by everybody
  JOIN (SELECT DISTINCT subid, subname FROM pg_stat_subscription) AS t ON t.subid = r.srsubid
 GROUP BY t.subname
 ORDER BY t.subname;

--- query copy_progress
--- since     14
--- on        target
--- per       node
--- every     5s
--- key       pid
--- privilege pg_monitor
SELECT p.pid,
       p.datname AS database,
       coalesce(c.oid::regclass::text, p.relid::text) AS name,
       p.relid,
       p.bytes_processed AS bytes,
       p.tuples_processed AS tuples
  FROM pg_stat_progress_copy p
  -- names are known in this session's own database only
  LEFT JOIN pg_class c ON c.oid = p.relid AND p.datname = current_database()
 WHERE p.command = 'COPY FROM'
 ORDER BY p.datname, p.relid;

-- Sizes are the catalogue's estimates (as of the last ANALYZE): asking the files costs seconds at
-- ten thousand tables. Those not ready come first, then the largest; indexes are looked up for what
-- is shown only.
--- query tables
--- on        source target
--- per       database
--- every     30s
--- key       name
SELECT l.schema,
       l.name,
       CASE l.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned' ELSE 'materialized view' END AS kind,
       (l.pages + coalesce(i.pages, 0)) * current_setting('block_size')::bigint AS size,
       l.rows,
       l.state
  FROM (SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind,
               c.relpages::bigint + coalesce(t.relpages, 0) AS pages,
               greatest(c.reltuples, 0)::bigint AS rows,
               s.state
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
          LEFT JOIN (SELECT r.srrelid, min(r.srsubstate::text) AS state
                       FROM pg_subscription_rel r GROUP BY r.srrelid) AS s ON s.srrelid = c.oid
         WHERE c.relkind IN ('r', 'p', 'm')
           AND c.relpersistence <> 't'
           AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
         ORDER BY coalesce(s.state = 'r', true), 5 DESC, c.oid
         LIMIT 2000) AS l
  LEFT JOIN LATERAL (SELECT sum(k.relpages)::bigint AS pages
                       FROM pg_index x JOIN pg_class k ON k.oid = x.indexrelid
                      WHERE x.indrelid = l.oid) AS i ON true
 ORDER BY coalesce(l.state = 'r', true), 4 DESC, l.schema, l.name;
