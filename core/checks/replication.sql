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
