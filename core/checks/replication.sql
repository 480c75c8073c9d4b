-- The road itself: what is published, what is subscribed, and whether both ways are sound.
-- Names: publication and subscription are pgcutover (forward) and pgcutover_back; slots are named
-- after the database too, since they are one set for the whole server.

--- check all_tables_published
--- group     replication
--- title     Every table is published
--- on        source
--- severity  block
--- why       The rows of one that is not published stay behind, without a word.
--- remedy    ALTER PUBLICATION pgcutover ADD TABLE (up to 12: with the table locked), then REFRESH the subscription.
SELECT format('%I.%I', n.nspname, c.relname) AS object, 'not in the publication pgcutover' AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relpersistence = 'p'
   AND (c.relkind = 'r' AND (NOT c.relispartition OR current_setting('server_version_num')::int < 130000)
     OR c.relkind = 'p' AND NOT c.relispartition AND current_setting('server_version_num')::int >= 130000)
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e')
   AND EXISTS (SELECT FROM pg_publication p WHERE p.pubname = 'pgcutover' AND NOT p.puballtables)
   AND NOT EXISTS (SELECT FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
                    WHERE p.pubname = 'pgcutover' AND r.prrelid = c.oid);

--- check published_is_subscribed
--- group     replication
--- title     What is published is subscribed
--- on        source
--- against   target
--- severity  block
--- why       A table that is published and not subscribed is skipped silently, and its rows count as confirmed.
--- remedy    ALTER SUBSCRIPTION pgcutover REFRESH PUBLICATION on the target, then wait until it is ready.
-- on the source the first half has rows, on the target the second
SELECT format('%I.%I', t.schemaname, t.tablename) AS object, 'replicated' AS detail
  FROM pg_publication_tables t WHERE t.pubname = 'pgcutover'
UNION ALL
SELECT format('%I.%I', n.nspname, c.relname), 'replicated'
  FROM pg_subscription_rel r
  JOIN (SELECT DISTINCT subid, subname FROM pg_stat_subscription) AS s ON s.subid = r.srsubid AND s.subname = 'pgcutover'
  JOIN pg_class c ON c.oid = r.srrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace;

--- check back_is_subscribed
--- group     replication
--- title     The way back carries every table
--- on        target
--- against   source
--- severity  block
--- why       A table that the way back leaves out loses its new rows in a rollback.
--- remedy    ALTER SUBSCRIPTION pgcutover_back REFRESH PUBLICATION WITH (copy_data = false) on the source.
SELECT format('%I.%I', t.schemaname, t.tablename) AS object, 'replicated' AS detail
  FROM pg_publication_tables t WHERE t.pubname = 'pgcutover_back'
UNION ALL
SELECT format('%I.%I', n.nspname, c.relname), 'replicated'
  FROM pg_subscription_rel r
  JOIN (SELECT DISTINCT subid, subname FROM pg_stat_subscription) AS s ON s.subid = r.srsubid AND s.subname = 'pgcutover_back'
  JOIN pg_class c ON c.oid = r.srrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace;

--- check tables_ready
--- group     replication
--- title     Every subscribed table is ready
--- on        target
--- severity  block
--- why       Until its copy is through, changes of it are not applied, however small the lag looks.
--- remedy    Wait; if it stays, the target's log says why (a missing privilege, a prepared transaction).
SELECT r.srrelid::regclass::text AS object, 'state ' || r.srsubstate::text AS detail
  FROM pg_subscription_rel r WHERE r.srsubstate <> 'r';

--- check forward_works
--- group     replication
--- title     The subscription is enabled and its worker runs
--- on        target
--- severity  block
--- why       An apply worker that stops at an error comes back every few seconds and gets no further.
--- remedy    Read the target's log; it names the row.
SELECT s.subname::text AS object, CASE WHEN s.subenabled THEN 'no apply worker' ELSE 'disabled' END AS detail
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
 WHERE s.subname = 'pgcutover'
   -- from the way back's slot on it is meant to be off
   AND NOT EXISTS (SELECT FROM pg_replication_slots k
                    WHERE k.database = current_database() AND k.slot_name LIKE 'pgcutover\_back\_%')
   AND NOT (s.subenabled AND EXISTS (
           SELECT FROM pg_stat_subscription w JOIN pg_stat_activity a ON a.pid = w.pid
            WHERE w.subname = s.subname AND a.datid = s.subdbid AND w.relid IS NULL));

--- check slots_alive
--- group     replication
--- title     No slot of ours is lost on the source
--- on        source
--- until     12
--- severity  block
--- why       A slot whose WAL is gone can't go on: everything has to be copied again.
--- remedy    Raise max_slot_wal_keep_size; undo the subscription and its slot, and make them again.
-- up to 12 a slot keeps its WAL, whatever it takes
SELECT slot_name::text AS object, 'no restart_lsn' AS detail
  FROM pg_replication_slots WHERE slot_name LIKE 'pgcutover\_%' AND restart_lsn IS NULL;

--- check slots_alive
--- since     13
SELECT slot_name::text AS object, wal_status AS detail
  FROM pg_replication_slots
 WHERE slot_name LIKE 'pgcutover\_%' AND wal_status IN ('unreserved', 'lost');

--- check back_slots_alive
--- group     replication
--- title     No slot of ours is lost on the target
--- on        target
--- until     12
--- severity  block
--- why       Without the slot of the way back a rollback loses what was written since.
--- remedy    None: sign off, or go back with what has arrived.
SELECT slot_name::text AS object, 'no restart_lsn' AS detail
  FROM pg_replication_slots WHERE slot_name LIKE 'pgcutover\_%' AND restart_lsn IS NULL;

--- check back_slots_alive
--- since     13
SELECT slot_name::text AS object, wal_status AS detail
  FROM pg_replication_slots
 WHERE slot_name LIKE 'pgcutover\_%' AND wal_status IN ('unreserved', 'lost');

--- check lag_is_small
--- group     replication
--- title     The target is close behind
--- on        source
--- severity  block
--- why       Only an estimate of how long the window will be: being caught up is proved inside it.
--- remedy    Wait until it is below lag_limit (bytes).
SELECT s.slot_name::text AS object,
       pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), s.confirmed_flush_lsn)) || ' behind' AS detail
  FROM pg_replication_slots s
 WHERE s.database = current_database() AND s.slot_name LIKE 'pgcutover\_%'
   -- the slots of tables that are being copied have names of their own
   AND s.active
   AND pg_wal_lsn_diff(pg_current_wal_insert_lsn(), s.confirmed_flush_lsn) > :'lag_limit'::numeric;

--- check back_lag_is_small
--- group     replication
--- title     The source is close behind on the way back
--- on        target
--- severity  block
--- why       Only an estimate of how long the rollback will be: being caught up is proved inside it.
--- remedy    Wait until it is below lag_limit (bytes).
SELECT s.slot_name::text AS object,
       pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), s.confirmed_flush_lsn)) || ' behind' AS detail
  FROM pg_replication_slots s
 WHERE s.database = current_database() AND s.slot_name LIKE 'pgcutover\_back\_%'
   AND pg_wal_lsn_diff(pg_current_wal_insert_lsn(), s.confirmed_flush_lsn) > :'lag_limit'::numeric;

--- check way_back_works
--- group     replication
--- title     The way back is enabled and its worker runs
--- on        source
--- severity  block
--- why       While it stands still, what is written on the target can't be brought back.
--- remedy    Read the source's log; it names the row.
SELECT s.subname::text AS object, CASE WHEN s.subenabled THEN 'no apply worker' ELSE 'disabled' END AS detail
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
 WHERE s.subname = 'pgcutover_back'
   -- until the window it is meant to be off
   AND EXISTS (SELECT FROM pg_db_role_setting g CROSS JOIN LATERAL unnest(g.setconfig) AS c (line)
                WHERE g.setrole = 0 AND g.setdatabase = d.oid AND c.line = 'default_transaction_read_only=on')
   AND NOT (s.subenabled AND EXISTS (
           SELECT FROM pg_stat_subscription w JOIN pg_stat_activity a ON a.pid = w.pid
            WHERE w.subname = s.subname AND a.datid = s.subdbid AND w.relid IS NULL));

--- check source_stays_read_only
--- group     replication
--- title     The source stays read-only after the switch
--- on        source
--- severity  block
--- why       A row written there now is known to nobody and meets the way back as a conflict.
--- remedy    ALTER DATABASE ... SET default_transaction_read_only = on; end the sessions named.
SELECT 'database ' || current_database() AS object, 'the read-only default is gone' AS detail
 WHERE EXISTS (SELECT FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
                WHERE d.datname = current_database() AND s.subname = 'pgcutover_back' AND s.subenabled)
   AND NOT EXISTS (SELECT FROM pg_db_role_setting s
                     JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
                    CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
                    WHERE s.setrole = 0 AND c.line = 'default_transaction_read_only=on')
UNION ALL
SELECT 'pid ' || a.pid, format('%s (%s) holds a transaction id', a.usename, a.application_name)
  FROM pg_stat_activity a
 WHERE a.datname = current_database() AND a.backend_xid IS NOT NULL AND a.pid <> pg_backend_pid()
   AND a.backend_type = 'client backend' AND a.application_name NOT LIKE 'pgcutover%'
   AND EXISTS (SELECT FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
                WHERE d.datname = current_database() AND s.subname = 'pgcutover_back' AND s.subenabled);

--- check other_slots
--- group     replication
--- title     Nobody else has a logical slot on the source
--- on        source
--- per       node
--- severity  warn
--- why       What reads it (Debezium, a warehouse) stays behind on the source after the switch.
--- remedy    Plan the handover of each.
SELECT slot_name::text AS object, format('%s, database %s, %s', plugin, database,
              CASE WHEN active THEN 'active' ELSE 'inactive' END) AS detail
  FROM pg_replication_slots
 WHERE slot_type = 'logical' AND slot_name NOT LIKE 'pgcutover\_%' AND slot_name !~ '^pg_[0-9]+_sync_';

--- check publication_whole
--- group     replication
--- title     The publication carries every kind of change
--- on        source
--- until     10
--- severity  block
--- why       A kind of change that is not published is missing on the target, without a word.
--- remedy    ALTER PUBLICATION pgcutover SET (publish = 'insert, update, delete, truncate');
SELECT p.pubname::text AS object, v.what || ' is not published' AS detail
  FROM pg_publication p
 CROSS JOIN LATERAL (VALUES ('insert', p.pubinsert), ('update', p.pubupdate), ('delete', p.pubdelete)) AS v (what, has)
 WHERE p.pubname IN ('pgcutover') AND NOT v.has;

--- check publication_whole
--- since     11
SELECT p.pubname::text AS object, v.what || ' is not published' AS detail
  FROM pg_publication p
 CROSS JOIN LATERAL (VALUES ('insert', p.pubinsert), ('update', p.pubupdate), ('delete', p.pubdelete), ('truncate', p.pubtruncate)) AS v (what, has)
 WHERE p.pubname IN ('pgcutover') AND NOT v.has;

--- check publication_filters
--- group     replication
--- title     The publication leaves out no row and no column
--- on        source
--- since     15
--- severity  block
--- why       Rows or columns that are filtered out stay behind.
--- remedy    ALTER PUBLICATION pgcutover SET TABLE ... without WHERE and without a list of columns.
SELECT format('%I.%I', n.nspname, c.relname) AS object,
       concat_ws(', ', CASE WHEN r.prqual IS NOT NULL THEN 'rows are filtered' END,
                 CASE WHEN r.prattrs IS NOT NULL THEN 'columns are left out' END) AS detail
  FROM pg_publication_rel r
  JOIN pg_publication p ON p.oid = r.prpubid AND p.pubname = 'pgcutover'
  JOIN pg_class c ON c.oid = r.prrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE r.prqual IS NOT NULL OR r.prattrs IS NOT NULL;

--- check subscription_options
--- group     replication
--- title     The subscription skips nothing and stays on
--- on        target
--- since     15
--- severity  warn
--- why       A transaction that is skipped is lost; disable_on_error stops replication for good at the first error.
--- remedy    ALTER SUBSCRIPTION pgcutover SET (disable_on_error = false); ALTER SUBSCRIPTION pgcutover SKIP (lsn = NONE);
SELECT s.subname::text AS object, v.what AS detail
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
 CROSS JOIN LATERAL (VALUES ('disable_on_error is on', s.subdisableonerr),
                            ('a transaction is to be skipped: ' || s.subskiplsn, s.subskiplsn <> '0/0')) AS v (what, is_so)
 WHERE s.subname = 'pgcutover' AND v.is_so;

--- check apply_errors
--- group     replication
--- title     Apply meets no errors
--- on        target
--- since     15
--- severity  warn
--- why       A row that can't be applied stops everything behind it.
--- remedy    Read the target's log, mend the row; then SELECT pg_stat_reset_subscription_stats(oid) FROM pg_subscription;
SELECT s.subname::text AS object, format('%s errors in apply, %s in the copy', s.apply_error_count, s.sync_error_count) AS detail
  FROM pg_stat_subscription_stats s
 WHERE s.subname = 'pgcutover' AND s.apply_error_count + s.sync_error_count > 0;

--- check apply_conflicts
--- group     replication
--- title     Apply meets no conflicts
--- on        target
--- since     18
--- severity  warn
--- why       Somebody wrote on the target, or rows are missing there: both sides are no longer the same.
--- remedy    Compare the rows of the tables in the target's log; then SELECT pg_stat_reset_subscription_stats(oid) FROM pg_subscription;
SELECT s.subname::text AS object, format('%s %s', v.count, v.what) AS detail
  FROM pg_stat_subscription_stats s
 CROSS JOIN LATERAL (VALUES ('inserts of what was there', s.confl_insert_exists), ('updates to what was there', s.confl_update_exists),
                            ('updates of rows that are missing', s.confl_update_missing), ('deletes of rows that are missing', s.confl_delete_missing),
                            ('updates of rows of another origin', s.confl_update_origin_differs),
                            ('deletes of rows of another origin', s.confl_delete_origin_differs)) AS v (what, count)
 WHERE s.subname = 'pgcutover' AND v.count > 0;

--- check decoding_spills
--- group     replication
--- title     Decoding fits into memory
--- on        source
--- since     14
--- severity  info
--- why       Large transactions are written to disk while they are decoded, which makes the lag grow.
--- remedy    ALTER SYSTEM SET logical_decoding_work_mem = '256MB'; SELECT pg_reload_conf(); SELECT pg_stat_reset_replication_slot(slot_name) FROM pg_replication_slots;
SELECT t.slot_name::text AS object, format('%s transactions, %s', t.spill_txns, pg_size_pretty(t.spill_bytes)) AS detail
  FROM pg_stat_replication_slots t
  JOIN pg_replication_slots s ON s.slot_name = t.slot_name AND s.database = current_database()
 WHERE t.spill_bytes > 0;

--- check failover_slots
--- group     replication
--- title     Our slot survives a failover of the source
--- on        source
--- since     17
--- severity  info
--- why       When the source fails over to a standby that has not the slot, everything has to be copied again.
--- remedy    On the target, with the subscription disabled: ALTER SUBSCRIPTION pgcutover SET (failover = true);
SELECT s.slot_name::text AS object, 'has no failover, and the source has a standby' AS detail
  FROM pg_replication_slots s
 WHERE s.slot_name LIKE 'pgcutover\_%' AND NOT s.failover AND s.database = current_database()
   AND EXISTS (SELECT FROM pg_replication_slots p WHERE p.slot_type = 'physical');

--- check other_subscriptions
--- group     target
--- title     The target has no other subscription
--- on        target
--- severity  block
--- why       It writes on the target too, before the switch and after it.
--- remedy    ALTER SUBSCRIPTION ... DISABLE; or drop it on the target.
SELECT s.subname::text AS object, 'not ours' AS detail
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
 WHERE s.subname NOT LIKE 'pgcutover%' AND s.subenabled;

--- check source_subscriptions
--- group     replication
--- title     The source subscribes to nobody else
--- on        source
--- severity  warn
--- why       What it gets from elsewhere goes on arriving there after the switch, and not on the target: the freeze does not stop it.
--- remedy    Plan its handover: disable it in the window, make it again on the target.
SELECT s.subname::text AS object, 'not ours' AS detail
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
 WHERE s.subname NOT LIKE 'pgcutover%' AND s.subenabled;

--- check target_slots_left
--- group     target
--- title     No slot is left over on the target
--- on        target
--- per       node
--- severity  warn
--- why       A slot of a rehearsal that nobody reads keeps WAL until the disk is full.
--- remedy    SELECT pg_drop_replication_slot(...); on the target.
SELECT slot_name::text AS object, format('%s, not active', slot_type) AS detail
  FROM pg_replication_slots WHERE slot_name NOT LIKE 'pgcutover\_%' AND NOT active;

--- check origins_left
--- group     target
--- title     No origin is left over on the target
--- on        target
--- per       node
--- severity  warn
--- why       They are counted against the limit of origins: a subscription then waits for a free one, and says nothing.
--- remedy    SELECT pg_replication_origin_drop(...); on the target.
SELECT o.roname AS object, 'of no subscription' AS detail
  FROM pg_replication_origin o
 WHERE o.roname ~ '^pg_[0-9]+'
   AND NOT EXISTS (SELECT FROM pg_stat_subscription s WHERE o.roname ~ ('^pg_' || s.subid || '(_|$)'));
