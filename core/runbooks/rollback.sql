--- runbook rollback
--- title   Go back to the old version, with what was written since
--- why     For after the window of `logical`, as long as nobody has signed off. The same cutover,
--- why     mirrored: the way back carries every row, and the source is opened only when it has them.
-- The forward replication can't be taken up again: its slot is older than what came back. After this
-- the target is behind for good; another attempt begins with a fresh copy.

--- step names
--- phase      prepare
--- title      Find what `logical` made
--- on         source
--- requires   way_back_works back_slots_alive back_is_subscribed source_stays_read_only
--- capture    slot slot_back
--- why        Only reads.
SELECT 'pgcutover_' || substr(md5(current_database()), 1, 12) AS slot,
       'pgcutover_back_' || substr(md5(current_database()), 1, 12) AS slot_back;
--- probe none It reads and leaves nothing.
--- undo none It reads and leaves nothing.

--- step no_strays
--- title      Nobody wrote on the source meanwhile
--- kind       wait
--- on         source
--- timeout    2min
--- why        The forward slot still sees every change on the source; one that did not come by the way back is a write that passed the freeze.
SELECT count(*) = 0 AS done,
       coalesce(string_agg(t.object || ': ' || t.detail, '; '), '') AS waits
  FROM (SELECT 'transaction ' || x.xid AS object,
               format('%s changes at %s on the source after the freeze', x.changes, x.lsn) AS detail
          -- up to 12 there is no min(pg_lsn), and xid can't be grouped
          FROM (SELECT p.xid::text AS xid,
                       count(*) FILTER (WHERE p.stray) AS changes,
                       (array_agg(p.lsn ORDER BY p.lsn))[1] AS lsn,
                       bool_or(get_byte(p.data, 0) = ascii('O')) AS replicated
                  FROM (SELECT m.lsn, m.xid, m.data,
                               m.lsn > (SELECT h.lsn FROM pgcutover.heartbeat h WHERE h.id = 1)
                               AND (get_byte(m.data, 0) = ascii('T')
                                 OR get_byte(m.data, 0) IN (ascii('I'), ascii('U'), ascii('D'))
                                    AND ('x' || encode(substr(m.data, 2, 4), 'hex'))::bit(32)::bigint
                                        <> 'pgcutover.heartbeat'::regclass::oid::bigint) AS stray
                          FROM pg_logical_slot_peek_binary_changes(:'slot', NULL, NULL,
                                   'proto_version', '1', 'publication_names', 'pgcutover') AS m (lsn, xid, data)) AS p
                 GROUP BY p.xid::text) AS x
         WHERE x.changes > 0 AND NOT coalesce(x.replicated, false)
         LIMIT 20) AS t;

--- step pooler_config
--- title      Old address in the poolers' files
--- kind       manual
--- on         pooler
--- per        node
--- needs      no-variable switch_pooler
--- why        By hand it takes a minute, which would be downtime inside the window. Until the RELOAD nothing changes.
In the configuration file of this pooler, let every database of the run point at the source again
(host=:source_host port=:source_port). Do NOT reload: that is a step of the window.
--- probe none The file can't be seen from here; the RELOAD inside the window proves it.
--- undo none Put the target's address in again before the next RELOAD.

--- step pause
--- phase      window
--- title      Pause the poolers
--- on         pooler
--- no-transaction
--- window     opens
--- requires   way_back_works back_lag_is_small back_slots_alive back_is_subscribed schema_same no_prepared_on_target no_long_on_target source_stays_read_only
--- timeout    20s
--- why        Clients wait instead of seeing an error. PAUSE answers when the last transaction has ended.
PAUSE :"database";
--- probe
SHOW DATABASES WHERE name = :'database' AND paused = '1';
--- undo
RESUME :"database";
--- abandon
RESUME :"database";

--- step drained
--- title      No server of the poolers is busy
--- kind       wait
--- on         pooler
--- timeout    20s
--- why        A pooler says `paused` at once; drained it is when none of its servers works for a client.
SHOW POOLS NONE WHERE database = :'database' AND sv_active > '0';

--- step freeze
--- title      Stop writes on the target
--- on         target
--- window     opens
--- requires   way_back_works back_lag_is_small back_slots_alive back_is_subscribed schema_same no_prepared_on_target no_long_on_target source_stays_read_only
--- why        Every new session is read-only from here; those there are now are ended next.
DELETE FROM pgcutover.heartbeat_back WHERE id = 2;
ALTER DATABASE :"database" SET default_transaction_read_only = on;
--- probe
SELECT EXISTS (
           SELECT FROM pg_db_role_setting s
             JOIN pg_database d ON d.oid = s.setdatabase
            CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
            WHERE s.setrole = 0 AND d.datname = :'database'
              AND c.line = 'default_transaction_read_only=on') AS done;
--- undo
ALTER DATABASE :"database" RESET default_transaction_read_only;

--- step end_sessions
--- title      End the sessions from before
--- on         target
--- requires   no_prepared_on_target
--- timeout    15s
--- why        A session begun before the freeze can still write, one begun after it can't: only sessions older than the mark are ended, until none is left twice. Replication is left alone.
INSERT INTO pgcutover.heartbeat_back (id, token, at) VALUES (2, :'run', clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET token = excluded.token, at = excluded.at;
DO $$
DECLARE
    quiet int := 0;
BEGIN
    -- a session that is just starting can slip through one look: none is left only when none is left twice
    FOR look IN 1..150 LOOP
        PERFORM pg_stat_clear_snapshot();
        PERFORM pg_terminate_backend(a.pid)
           FROM pg_stat_activity a
          WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
                AND a.backend_type = 'client backend'
                AND NOT (a.usename = current_user AND a.application_name LIKE 'pgcutover%')
                AND a.backend_start < (SELECT h.at FROM pgcutover.heartbeat_back h WHERE h.id = 2);
        IF FOUND THEN quiet := 0; ELSE quiet := quiet + 1; END IF;
        EXIT WHEN quiet = 2;
        PERFORM pg_sleep(0.02);
    END LOOP;
END $$;
--- probe
SELECT EXISTS (SELECT FROM pgcutover.heartbeat_back WHERE id = 2)
   AND NOT EXISTS (
       SELECT FROM pg_stat_activity a
        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
                  AND a.backend_type = 'client backend'
                  AND NOT (a.usename = current_user AND a.application_name LIKE 'pgcutover%')
                  AND a.backend_start < (SELECT h.at FROM pgcutover.heartbeat_back h WHERE h.id = 2)) AS done;
--- undo
DELETE FROM pgcutover.heartbeat_back WHERE id = 2;

--- step quiet
--- title      Prove that the target is quiet
--- kind       wait
--- on         target
--- timeout    10s
--- why        No transaction id held, nothing prepared, no session from before the freeze: nothing more can commit.
SELECT w.writers = 0 AND w.prepared = 0 AND w.sessions = 0 AS done,
       w.writers + w.prepared + w.sessions AS current,
       0 AS goal,
       format('%s with a transaction id, %s prepared, %s sessions from before', w.writers, w.prepared, w.sessions) AS waits
  FROM (SELECT (SELECT count(*) FROM pg_stat_activity a
                 WHERE a.datname = current_database() AND a.backend_xid IS NOT NULL
                   AND a.pid <> pg_backend_pid()
                   -- autovacuum writes no row of anybody's
                   AND a.backend_type NOT IN ('autovacuum worker', 'walsender')) AS writers,
               (SELECT count(*) FROM pg_prepared_xacts p WHERE p.database = current_database()) AS prepared,
               (SELECT count(*) FROM pg_stat_activity a
                 WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
                   AND a.backend_type = 'client backend'
                   AND NOT (a.usename = current_user AND a.application_name LIKE 'pgcutover%')
                   AND a.backend_start < (SELECT h.at FROM pgcutover.heartbeat_back h WHERE h.id = 2)) AS sessions) AS w;

--- step barrier
--- title      Write the barrier
--- on         target
--- capture    barrier token
--- why        One replicated row, with the LSN read before it commits. Everything of the application lies before it.
-- the LSN is read before this transaction commits: what commits later lies beyond it
INSERT INTO pgcutover.heartbeat_back (id, token, lsn, at)
VALUES (1, format('%s %s', :'run', clock_timestamp()), pg_current_wal_insert_lsn(), clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET token = excluded.token, lsn = excluded.lsn, at = excluded.at
RETURNING lsn AS barrier, token AS token;
--- probe none A later barrier is as good: after an interruption write it again.
--- undo none Its row goes with its table.

--- step caught_up
--- title      The source has everything
--- kind       wait
--- on         source
--- timeout    30s
--- why        The way back has applied past the barrier, and the barrier's row can be read.
SELECT p.lsn >= :'barrier'::pg_lsn AND p.pending = 0 AND p.seen AS done,
       coalesce(pg_wal_lsn_diff(p.lsn, '0/0'), 0) AS current,
       pg_wal_lsn_diff(:'barrier'::pg_lsn, '0/0') AS goal,
       CASE WHEN p.pending > 0 THEN format('%s tables not ready', p.pending)
            WHEN p.seen THEN 'the last commit to be flushed'
            ELSE format('apply at %s, to reach %s', coalesce(p.lsn::text, 'nothing yet'), :'barrier') END AS waits
  FROM (SELECT pg_replication_origin_progress('pg_' || s.oid, true) AS lsn,
               (SELECT count(*) FROM pg_subscription_rel r
                 WHERE r.srsubid = s.oid AND r.srsubstate <> 'r') AS pending,
               EXISTS (SELECT FROM pgcutover.heartbeat_back h WHERE h.id = 1 AND h.token = :'token') AS seen
          FROM pg_subscription s
          JOIN pg_database d ON d.oid = s.subdbid
         WHERE d.datname = current_database() AND s.subname = 'pgcutover_back') AS p;

--- step back_off
--- title      Stop the way back
--- on         source
--- requires   back_is_subscribed
--- why        The source is about to take writes of its own.
ALTER SUBSCRIPTION pgcutover_back DISABLE;
--- probe
SELECT EXISTS (
           SELECT FROM pg_subscription s
             JOIN pg_database d ON d.oid = s.subdbid
            WHERE d.datname = current_database() AND s.subname = 'pgcutover_back' AND NOT s.subenabled) AS done;
--- undo
ALTER SUBSCRIPTION pgcutover_back ENABLE;

--- step back_gone
--- title      Its worker is gone
--- kind       wait
--- on         source
--- timeout    10s
--- why        Disabled is a wish; gone is a fact.
SELECT NOT EXISTS (
           SELECT FROM pg_subscription s
             JOIN pg_database d ON d.oid = s.subdbid
            WHERE d.datname = current_database() AND s.subname = 'pgcutover_back' AND s.subenabled)
   AND NOT EXISTS (
           -- by database: a worker of the same name in another database is not meant
           SELECT FROM pg_stat_subscription w JOIN pg_stat_activity a ON a.pid = w.pid
            WHERE w.subname = 'pgcutover_back' AND a.datname = current_database()) AS done,
       'the apply worker to end' AS waits;

--- step sequences
--- title      Sequences exactly
--- kind       gexec
--- from       target
--- on         source
--- until      17
--- timeout    20s
--- why        Value and is_called of each, by its qualified name, in one statement.
SELECT format(E'SELECT count(pg_catalog.setval(v.name, v.value, v.called)) AS sequences\n  FROM (VALUES\n%s) AS v (name, value, called)',
              string_agg(format('    (%L::regclass, %s::bigint, %s)', s.name, s.value, s.called),
                         E',\n' ORDER BY s.name)) AS statement
  FROM (SELECT format('%I.%I', n.nspname, c.relname) AS name,
               (xpath('/row/last_value/text()', x.row))[1]::text AS value,
               (xpath('/row/is_called/text()', x.row))[1]::text AS called
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         CROSS JOIN LATERAL query_to_xml(
                   format('SELECT last_value, is_called FROM %I.%I', n.nspname, c.relname),
                   false, true, '') AS x (row)
         WHERE c.relkind = 'S' AND c.relpersistence <> 't'
           AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                              AND x.objid = c.oid AND x.deptype = 'e')) AS s
HAVING count(*) > 0;
--- probe none setval leaves no trace of its own; the next step compares both sides.
--- undo none While the source is frozen nobody takes a number from them.

--- step sequences
--- since      18
SELECT format(E'SELECT count(pg_catalog.setval(v.name, v.value, v.called)) AS sequences\n  FROM (VALUES\n%s) AS v (name, value, called)',
              string_agg(format('    (%L::regclass, %s::bigint, %s)', s.name, s.value, s.called),
                         E',\n' ORDER BY s.name)) AS statement
  FROM (SELECT format('%I.%I', n.nspname, c.relname) AS name,
               d.last_value::text AS value,
               d.is_called::text AS called
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         CROSS JOIN LATERAL pg_get_sequence_data(c.oid) AS d
         WHERE c.relkind = 'S' AND c.relpersistence <> 't'
           AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                              AND x.objid = c.oid AND x.deptype = 'e')) AS s
HAVING count(*) > 0;

--- step sequences_same
--- title      Sequences are the same on both sides
--- kind       compare
--- on         source
--- from       target
--- timeout    20s
--- why        A number given out twice is a broken key, weeks later.
SELECT format('%I.%I', n.nspname, c.relname) AS sequence,
       (xpath('/row/last_value/text()', x.row))[1]::text AS last_value,
       (xpath('/row/is_called/text()', x.row))[1]::text AS is_called
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL query_to_xml(
           format('SELECT last_value, is_called FROM %I.%I', n.nspname, c.relname),
           false, true, '') AS x (row)
 WHERE c.relkind = 'S' AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e')
 ORDER BY 1;

--- step unfreeze
--- title      Open the source for writes
--- on         source
--- why        From the first write on the source there is no going forward again but by a new copy. Without a pooler this is where clients can write again.
-- how much was written so far: what comes on top is the application's
INSERT INTO pgcutover.heartbeat (id, token, at) SELECT 3, (SELECT coalesce(sum(t.n_tup_ins + t.n_tup_upd + t.n_tup_del), 0)
          FROM pg_stat_user_tables t WHERE t.schemaname <> 'pgcutover')::text, clock_timestamp()
    ON CONFLICT (id) DO UPDATE SET token = excluded.token, at = excluded.at;
ALTER DATABASE :"database" RESET default_transaction_read_only;
--- probe
SELECT NOT EXISTS (
           SELECT FROM pg_db_role_setting s
             JOIN pg_database d ON d.oid = s.setdatabase
            CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
            WHERE s.setrole = 0 AND d.datname = :'database'
              AND c.line = 'default_transaction_read_only=on') AS done;
--- undo
-- The target does not get what was written on the source: once there is some of it, this is no undo.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pgcutover.heartbeat h WHERE h.id = 3 AND h.token::numeric < (SELECT coalesce(sum(t.n_tup_ins + t.n_tup_upd + t.n_tup_del), 0)
          FROM pg_stat_user_tables t WHERE t.schemaname <> 'pgcutover')) THEN
        RAISE EXCEPTION 'the source has been written to since, and the target has none of it: stay here';
    END IF;
END $$;
ALTER DATABASE :"database" SET default_transaction_read_only = on;

--- step switch_by_command
--- title      Point the poolers at the source
--- kind       command
--- on         pooler
--- needs      variable switch_pooler
--- timeout    20s
--- why        Your own program `switch_pooler` writes this database's old address where the pooler reads it, and reloads the pooler. It is believed only when the pooler says so itself.
:switch_pooler :database :source_host :source_port
--- probe
SHOW DATABASES WHERE name = :'database' AND host = :'source_host' AND port = :'source_port';
--- undo
:switch_pooler :database :target_host :target_port

--- step switch
--- title      Point the poolers at the source
--- on         pooler
--- needs      no-variable switch_pooler
--- no-transaction
--- why        RELOAD reads the file that was edited before. If the probe says no, the file still has the target's address: correct it and run this again.
RELOAD;
--- probe
SHOW DATABASES WHERE name = :'database' AND host = :'source_host' AND port = :'source_port';
--- undo
RELOAD;

--- step resume
--- title      Let the clients go on
--- on         pooler
--- no-transaction
--- window     closes
--- supersedes pause drained
--- why        What waited in the poolers runs now, on the source.
RESUME :"database";
--- probe
SHOW DATABASES WHERE name = :'database' AND paused = '0';
--- undo
PAUSE :"database";

--- step writes
--- phase      after
--- title      The application writes on the source
--- kind       wait
--- on         source
--- window     closes
--- timeout    30min
--- why        More rows have been written than at the moment when it was opened.
SELECT h.token::numeric < (SELECT coalesce(sum(t.n_tup_ins + t.n_tup_upd + t.n_tup_del), 0)
          FROM pg_stat_user_tables t WHERE t.schemaname <> 'pgcutover') AS done,
       'the first row of the application on the source' AS waits
  FROM pgcutover.heartbeat h WHERE h.id = 3;

--- step sign_off
--- title      Sign off: stay on the old version
--- on         source
--- confirm    typed
--- supersedes back_off back_gone caught_up
--- why        Removes the way back. The target is worth no more than its next fresh copy.
ALTER SUBSCRIPTION pgcutover_back DISABLE;
ALTER SUBSCRIPTION pgcutover_back SET (slot_name = NONE);
DROP SUBSCRIPTION pgcutover_back;
--- probe
SELECT NOT EXISTS (
           SELECT FROM pg_subscription s
             JOIN pg_database d ON d.oid = s.subdbid
            WHERE d.datname = current_database() AND s.subname = 'pgcutover_back') AS done;
--- undo none This is the point of no return.

--- step clean_target
--- title      Remove what is ours on the target
--- on         target
--- no-transaction
--- supersedes freeze end_sessions quiet
--- timeout    30s
--- why        Subscription, publication, slot, tables and the read-only setting. Every statement passes over what is gone.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
                WHERE d.datname = current_database() AND s.subname = 'pgcutover') THEN
        ALTER SUBSCRIPTION pgcutover DISABLE;
        ALTER SUBSCRIPTION pgcutover SET (slot_name = NONE);
        DROP SUBSCRIPTION pgcutover;
    END IF;
END $$;
DROP PUBLICATION IF EXISTS pgcutover_back;
SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
 WHERE slot_name = :'slot_back' AND active_pid IS NOT NULL;
SELECT pg_sleep(0.2) WHERE EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = :'slot_back' AND active);
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = :'slot_back';
DROP TABLE IF EXISTS pgcutover.heartbeat, pgcutover.heartbeat_back;
DROP SCHEMA IF EXISTS pgcutover;
ALTER DATABASE :"database" RESET default_transaction_read_only;
--- probe
SELECT NOT EXISTS (SELECT FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
                    WHERE d.datname = current_database() AND s.subname IN ('pgcutover', 'pgcutover_back'))
   AND NOT EXISTS (SELECT FROM pg_publication WHERE pubname IN ('pgcutover', 'pgcutover_back'))
   AND NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name IN (:'slot', :'slot_back') AND database = current_database())
   AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
                    CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
                    WHERE s.setrole = 0 AND d.datname = current_database()
                      AND c.line LIKE 'default\_transaction\_read\_only=%') AS done;
--- undo none Past the point of no return.

--- step clean_source
--- title      Remove what is ours on the source
--- on         source
--- no-transaction
--- supersedes no_strays writes
--- timeout    30s
--- why        Publication, slot and tables. The slot goes at last: it kept the source's WAL since the first window.
DROP PUBLICATION IF EXISTS pgcutover;
SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
 WHERE slot_name = :'slot' AND active_pid IS NOT NULL;
SELECT pg_sleep(0.2) WHERE EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = :'slot' AND active);
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = :'slot';
DROP TABLE IF EXISTS pgcutover.heartbeat, pgcutover.heartbeat_back;
DROP SCHEMA IF EXISTS pgcutover;
--- probe
SELECT NOT EXISTS (SELECT FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
                    WHERE d.datname = current_database() AND s.subname IN ('pgcutover', 'pgcutover_back'))
   AND NOT EXISTS (SELECT FROM pg_publication WHERE pubname IN ('pgcutover', 'pgcutover_back'))
   AND NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name IN (:'slot', :'slot_back') AND database = current_database())
   AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgcutover') AS done;
--- undo none Past the point of no return.
