-- The two servers, what they are and how they are set.

--- check target_is_newer
--- group     servers
--- title     The target is of a newer major version
--- on        target
--- per       node
--- severity  block
--- why       The way goes up: the other way round the new data may not fit the old server.
--- remedy    Look at the configuration: are source and target the right way round?
SELECT 'target' AS object,
       format('target is %s, source is %s', current_setting('server_version'),
              :'source_version'::int / 10000) AS detail
 WHERE current_setting('server_version_num')::int / 10000 <= :'source_version'::int / 10000;

--- check source_is_primary
--- group     servers
--- title     The source is a primary
--- on        source
--- per       node
--- severity  block
--- why       A standby can be frozen by nobody but its primary.
--- remedy    Point the configuration at the primary.
SELECT 'source' AS object, 'in recovery' AS detail WHERE pg_is_in_recovery();

--- check target_is_primary
--- group     servers
--- title     The target is a primary
--- on        target
--- per       node
--- severity  block
--- why       A standby takes no subscription and no writes.
--- remedy    Promote it, or point the configuration at the primary.
SELECT 'target' AS object, 'in recovery' AS detail WHERE pg_is_in_recovery();

--- check encoding_same
--- group     servers
--- title     Both databases have the same encoding
--- on        source
--- against   target
--- severity  block
--- why       Apply stops at the first character that the target can't hold.
--- remedy    Create the target's database again with the source's encoding.
SELECT 'encoding' AS object, pg_encoding_to_char(encoding)::text AS detail
  FROM pg_database WHERE datname = current_database();

--- check locale_same
--- group     servers
--- title     Both databases sort and compare alike
--- on        source
--- against   target
--- severity  warn
--- why       Indexes are built afresh, so nothing breaks, but ORDER BY and ranges of text may differ.
--- remedy    Create the target's database with the source's LC_COLLATE and LC_CTYPE, or accept it.
SELECT v.object, regexp_replace(lower(v.detail), '[^a-z0-9_.@]', '', 'g') AS detail
  FROM pg_database d
 CROSS JOIN LATERAL (VALUES ('collate', d.datcollate::text), ('ctype', d.datctype::text)) AS v (object, detail)
 WHERE d.datname = current_database();

--- check extensions_same
--- group     servers
--- title     Both databases have the same extensions
--- on        source
--- against   target
--- severity  warn
--- why       Types and functions of one that lacks fail in apply or, later, in the application.
--- remedy    CREATE EXTENSION on the target (its package first).
SELECT extname::text AS object, 'installed' AS detail FROM pg_extension;

--- check settings_same
--- group     servers
--- title     Settings of roles and of the database are the same
--- on        source
--- against   target
--- severity  warn
--- why       A search_path or a timeout that stayed behind is found by the application, after the switch.
--- remedy    ALTER ROLE ... SET, ALTER DATABASE ... SET on the target. The fence itself is left out.
SELECT format('%s of %s%s', split_part(c.line, '=', 1), coalesce('role ' || quote_ident(r.rolname), CASE WHEN d.oid IS NULL THEN 'all roles' ELSE 'the database' END),
              CASE WHEN d.oid IS NULL AND r.oid IS NOT NULL THEN ' everywhere' ELSE '' END) AS object,
       substr(c.line, strpos(c.line, '=') + 1) AS detail
  FROM pg_db_role_setting s
  LEFT JOIN pg_database d ON d.oid = s.setdatabase
  LEFT JOIN pg_roles r ON r.oid = s.setrole
 CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
 WHERE (d.datname = current_database() OR s.setdatabase = 0)
   AND c.line NOT LIKE 'default\_transaction\_read\_only=%';

--- check source_wal_level
--- group     servers
--- title     wal_level of the source is logical
--- on        source
--- per       node
--- severity  block
--- why       Without it nothing can be decoded. It takes a restart.
--- remedy    ALTER SYSTEM SET wal_level = logical; then restart.
SELECT 'wal_level' AS object, current_setting('wal_level') AS detail
 WHERE current_setting('wal_level') <> 'logical';

--- check target_wal_level
--- group     servers
--- title     wal_level of the target is logical
--- on        target
--- per       node
--- severity  block
--- why       The way back replicates from the target. It takes a restart.
--- remedy    ALTER SYSTEM SET wal_level = logical; then restart.
SELECT 'wal_level' AS object, current_setting('wal_level') AS detail
 WHERE current_setting('wal_level') <> 'logical';

--- check source_slots
--- group     servers
--- title     The source has slots and senders to spare
--- on        source
--- per       node
--- severity  block
--- why       Each database needs one slot, and each table that is being copied one more.
--- remedy    Raise max_replication_slots and max_wal_senders, restart; drop slots that nobody uses.
SELECT v.object, format('%s free of %s, 3 needed', v.max - v.used, v.max) AS detail
  FROM (SELECT 'max_replication_slots' AS object, current_setting('max_replication_slots')::int AS max,
               (SELECT count(*) FROM pg_replication_slots WHERE slot_name NOT LIKE 'pgcutover\_%') AS used
        UNION ALL
        SELECT 'max_wal_senders', current_setting('max_wal_senders')::int,
               (SELECT count(*) FROM pg_stat_replication r
                 WHERE NOT EXISTS (SELECT FROM pg_replication_slots s
                                    WHERE s.active_pid = r.pid AND s.slot_name LIKE 'pgcutover\_%'))) AS v
 WHERE v.max - v.used < 3;

--- check target_slots
--- group     servers
--- title     The target has slots and senders to spare
--- on        target
--- per       node
--- severity  block
--- why       The way back needs one slot a database, which is made inside the window.
--- remedy    Raise max_replication_slots and max_wal_senders, restart; drop slots that nobody uses.
SELECT v.object, format('%s free of %s, 1 needed', v.max - v.used, v.max) AS detail
  FROM (SELECT 'max_replication_slots' AS object, current_setting('max_replication_slots')::int AS max,
               (SELECT count(*) FROM pg_replication_slots WHERE slot_name NOT LIKE 'pgcutover\_%') AS used
        UNION ALL
        SELECT 'max_wal_senders', current_setting('max_wal_senders')::int,
               (SELECT count(*) FROM pg_stat_replication r
                 WHERE NOT EXISTS (SELECT FROM pg_replication_slots s
                                    WHERE s.active_pid = r.pid AND s.slot_name LIKE 'pgcutover\_%'))) AS v
 WHERE v.max - v.used < 1;

--- check target_workers
--- group     servers
--- title     The target can run the apply workers
--- on        target
--- per       node
--- severity  block
--- why       A subscription without a worker waits for ever and says nothing.
--- remedy    Raise the setting named (a restart).
WITH n AS (SELECT count(*) AS subs FROM pg_subscription WHERE subname <> 'pgcutover')
SELECT v.object, format('%s, needed %s', v.has, v.needs) AS detail
  FROM n CROSS JOIN LATERAL (VALUES
       ('max_logical_replication_workers', current_setting('max_logical_replication_workers')::int,
        n.subs + 1 + current_setting('max_sync_workers_per_subscription')::int),
       -- the launcher is one of them
       ('max_worker_processes', current_setting('max_worker_processes')::int,
        n.subs + 2 + current_setting('max_sync_workers_per_subscription')::int),
       ('max_sync_workers_per_subscription', current_setting('max_sync_workers_per_subscription')::int, 1),
       -- 18 counts origins apart (its default is 10); before, slots are the limit
       (CASE WHEN current_setting('max_active_replication_origins', true) IS NULL
             THEN 'max_replication_slots' ELSE 'max_active_replication_origins' END,
        coalesce(current_setting('max_active_replication_origins', true),
                 current_setting('max_replication_slots'))::int,
        n.subs + 1 + current_setting('max_sync_workers_per_subscription')::int)) AS v (object, has, needs)
 WHERE v.has < v.needs;

--- check source_workers
--- group     servers
--- title     The source can run the worker of the way back
--- on        source
--- per       node
--- severity  block
--- why       Without it the way back is enabled and moves nothing.
--- remedy    Raise the setting named (a restart).
WITH n AS (SELECT count(*) AS subs FROM pg_subscription WHERE subname <> 'pgcutover_back')
SELECT v.object, format('%s, needed %s', v.has, v.needs) AS detail
  FROM n CROSS JOIN LATERAL (VALUES
       ('max_logical_replication_workers', current_setting('max_logical_replication_workers')::int, n.subs + 1),
       ('max_worker_processes', current_setting('max_worker_processes')::int, n.subs + 2)) AS v (object, has, needs)
 WHERE v.has < v.needs;

--- check workers_start_at_once
--- group     servers
--- title     Workers of several databases start at once
--- on        source
--- per       node
--- until     15
--- severity  warn
--- why       Up to 15 a server starts apply workers only every wal_retrieve_retry_interval: with several databases the window waits that long for the way back.
--- remedy    ALTER SYSTEM SET wal_retrieve_retry_interval = '100ms'; SELECT pg_reload_conf(); RESET it afterwards.
SELECT s.name AS object, s.setting || ' ms' AS detail
  FROM pg_settings s
 WHERE s.name = 'wal_retrieve_retry_interval' AND s.setting::int > 1000
   AND (SELECT count(*) FROM pg_subscription WHERE subname = 'pgcutover_back') > 1;

--- check target_timeouts
--- group     servers
--- title     No timeout of the target ends the apply worker
--- on        target
--- severity  block
--- why       transaction_timeout (17 and newer) ends the apply worker again and again; lock_timeout stops it at a lock.
--- remedy    RESET it for the server and the database, or for the owner of the subscription.
SELECT s.name || ' of the server' AS object, s.reset_val AS detail
  FROM pg_settings s
 WHERE s.name IN ('transaction_timeout', 'lock_timeout') AND s.reset_val <> '0'
   AND s.source NOT IN ('client', 'session', 'database', 'user', 'database user')
UNION ALL
SELECT format('%s of %s', split_part(c.line, '=', 1),
              coalesce('role ' || r.rolname, 'database ' || d.datname)), split_part(c.line, '=', 2)
  FROM pg_db_role_setting s
  LEFT JOIN pg_database d ON d.oid = s.setdatabase
  LEFT JOIN pg_roles r ON r.oid = s.setrole
 CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
 WHERE c.line ~ '^(transaction_timeout|lock_timeout)=' AND c.line !~ '=0[a-z]*$'
   AND (s.setdatabase = 0 OR d.datname = current_database())
   AND (s.setrole = 0 OR r.rolname = current_user);

--- check source_timeouts
--- group     servers
--- title     No timeout of the source ends the way back
--- on        source
--- severity  block
--- why       lock_timeout and transaction_timeout hold for the apply worker of the way back too.
--- remedy    RESET it for the server and the database, or for the owner of the subscription.
SELECT s.name || ' of the server' AS object, s.reset_val AS detail
  FROM pg_settings s
 WHERE s.name IN ('transaction_timeout', 'lock_timeout') AND s.reset_val <> '0'
   AND s.source NOT IN ('client', 'session', 'database', 'user', 'database user')
UNION ALL
SELECT format('%s of %s', split_part(c.line, '=', 1),
              coalesce('role ' || r.rolname, 'database ' || d.datname)), split_part(c.line, '=', 2)
  FROM pg_db_role_setting s
  LEFT JOIN pg_database d ON d.oid = s.setdatabase
  LEFT JOIN pg_roles r ON r.oid = s.setrole
 CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
 WHERE c.line ~ '^(transaction_timeout|lock_timeout)=' AND c.line !~ '=0[a-z]*$'
   AND (s.setdatabase = 0 OR d.datname = current_database())
   AND (s.setrole = 0 OR r.rolname = current_user);

--- check source_not_fenced
--- group     servers
--- title     Nobody else has made the source read-only
--- on        source
--- severity  block
--- why       The freeze uses this setting, and its undo takes it away: one that was there before would be lost.
--- remedy    ALTER DATABASE ... RESET default_transaction_read_only, if it is not wanted.
SELECT 'database ' || d.datname AS object, c.line AS detail
  FROM pg_db_role_setting s
  JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
 CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
 WHERE s.setrole = 0 AND c.line LIKE 'default\_transaction\_read\_only=%'
   -- once our publication stands, the setting is taken for our own freeze
   AND NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'pgcutover');

--- check target_not_fenced
--- group     servers
--- title     Nobody else has made the target read-only
--- on        target
--- severity  block
--- why       The fence uses this setting and takes it away: one that was there before would be lost.
--- remedy    ALTER DATABASE ... RESET default_transaction_read_only, if it is not wanted.
SELECT 'database ' || d.datname AS object, c.line AS detail
  FROM pg_db_role_setting s
  JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
 CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
 WHERE s.setrole = 0 AND c.line LIKE 'default\_transaction\_read\_only=%'
   -- once our own schema stands, the setting is taken for our own fence
   AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgcutover');

--- check no_freeze_exceptions
--- group     servers
--- title     No role is excepted from the freeze
--- on        source
--- severity  block
--- why       A role's own default_transaction_read_only wins over the database's: it would write on after the freeze.
--- remedy    ALTER ROLE ... [IN DATABASE ...] RESET default_transaction_read_only;
SELECT 'role ' || r.rolname AS object, c.line AS detail
  FROM pg_db_role_setting s
  JOIN pg_roles r ON r.oid = s.setrole
  LEFT JOIN pg_database d ON d.oid = s.setdatabase
 CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
 WHERE c.line LIKE 'default\_transaction\_read\_only=%' AND NOT split_part(c.line, '=', 2)::boolean
   AND (s.setdatabase = 0 OR d.datname = current_database());

--- check source_rights
--- group     rights
--- title     The role on the source may do what the run needs
--- on        source
--- per       node
--- severity  block
--- why       It makes publications, slots and a subscription, and ends sessions, superusers' among them.
--- remedy    Use a superuser, or the provider's nearest thing with REPLICATION, pg_monitor and pg_signal_backend.
SELECT current_user::text AS object, v.lacks AS detail
  FROM pg_roles r
 CROSS JOIN LATERAL (VALUES
       ('REPLICATION', r.rolreplication),
       ('pg_monitor', pg_has_role(r.oid, 'pg_monitor', 'member')),
       ('pg_signal_backend', pg_has_role(r.oid, 'pg_signal_backend', 'member')),
       ('superuser, or a role of the provider that may create subscriptions',
        EXISTS (SELECT FROM pg_roles p WHERE pg_has_role(r.oid, p.oid, 'member')
                  AND p.rolname IN ('pg_create_subscription', 'rds_superuser', 'rds_replication',
                                    'cloudsqlsuperuser', 'azure_pg_admin')))) AS v (lacks, has)
 WHERE r.rolname = current_user AND NOT r.rolsuper AND NOT v.has;

--- check target_rights
--- group     rights
--- title     The role on the target may do what the run needs
--- on        target
--- severity  block
--- why       It makes the subscription, roles, and the slot of the way back, and asks how far apply has come.
--- remedy    Use a superuser; else GRANT EXECUTE ON FUNCTION pg_replication_origin_progress(text, boolean), in each database, and the roles named.
SELECT current_user::text AS object, v.lacks AS detail
  FROM pg_roles r
 CROSS JOIN LATERAL (VALUES
       ('REPLICATION', r.rolreplication),
       ('pg_monitor', pg_has_role(r.oid, 'pg_monitor', 'member')),
       ('pg_signal_backend', pg_has_role(r.oid, 'pg_signal_backend', 'member')),
       ('EXECUTE on pg_replication_origin_progress',
        has_function_privilege(r.oid, 'pg_catalog.pg_replication_origin_progress(text, boolean)', 'EXECUTE')),
       ('superuser, or a role of the provider that may create subscriptions',
        EXISTS (SELECT FROM pg_roles p WHERE pg_has_role(r.oid, p.oid, 'member')
                  AND p.rolname IN ('pg_create_subscription', 'rds_superuser', 'rds_replication',
                                    'cloudsqlsuperuser', 'azure_pg_admin')))) AS v (lacks, has)
 WHERE r.rolname = current_user AND NOT r.rolsuper AND NOT v.has;

--- check sequences_readable
--- group     rights
--- title     Every sequence can be read
--- on        source
--- severity  block
--- why       The value of one that may not be read can't be copied, and ids would be given out twice.
--- remedy    GRANT SELECT ON ALL SEQUENCES IN SCHEMA ... to the role.
SELECT format('%I.%I', n.nspname, c.relname) AS object, 'no SELECT or no USAGE on its schema' AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
   AND NOT CASE WHEN has_schema_privilege(n.oid, 'USAGE') THEN has_sequence_privilege(c.oid, 'SELECT') ELSE false END;

--- check source_minor
--- group     servers
--- title     The source's minor version loses nothing
--- on        source
--- per       node
--- since     13
--- severity  block
--- why       Older minor versions can leave changes out of replication without a word, when tables are published while they are written to.
--- remedy    Update the source to its latest minor version (a restart) before anything else.
SELECT 'server' AS object, format('%s.%s, wanted %s.%s or later', m.major, m.minor, m.major, v.minor) AS detail
  FROM (SELECT :'source_version'::int / 10000 AS major, :'source_version'::int % 10000 AS minor) AS m
  JOIN (VALUES (13, 21), (14, 18), (15, 13), (16, 9), (17, 5)) AS v (major, minor) ON v.major = m.major
 WHERE m.minor < v.minor;

--- check publishing_race
--- group     servers
--- title     Tables are published before anything else
--- on        source
--- until     12
--- severity  info
--- why       Up to 12 a table that is added to a publication while somebody writes to it loses rows: a publication that is made before the slot does not.
--- remedy    Use the runbook's order. To add a table later: BEGIN; LOCK TABLE ... IN SHARE ROW EXCLUSIVE MODE; ALTER PUBLICATION pgcutover ADD TABLE ...; COMMIT;
SELECT 'publication pgcutover' AS object, 'is not made yet, and the source is ' || current_setting('server_version') AS detail
 WHERE NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'pgcutover');

--- check extension_updates
--- group     servers
--- title     The target's extensions are up to date
--- on        target
--- severity  warn
--- why       The library is of the new version and its SQL of an old one: functions are missing, or call what is not there.
--- remedy    ALTER EXTENSION ... UPDATE; on the target.
SELECT e.extname::text AS object, format('%s, %s is there', e.extversion, a.default_version) AS detail
  FROM pg_extension e JOIN pg_available_extensions a ON a.name = e.extname
 WHERE e.extversion <> a.default_version;

--- check preload_same
--- group     servers
--- title     Both servers preload the same libraries
--- on        source
--- against   target
--- per       node
--- severity  warn
--- why       An extension whose library is not preloaded fails when it is used, or collects nothing.
--- remedy    ALTER SYSTEM SET shared_preload_libraries = ...; then restart.
SELECT 'library ' || btrim(l.name) AS object, 'preloaded' AS detail
  FROM regexp_split_to_table(current_setting('shared_preload_libraries'), ',') AS l (name) WHERE btrim(l.name) <> '';

--- check server_settings_same
--- group     servers
--- title     Settings that the application notices are the same
--- on        source
--- against   target
--- severity  warn
--- why       Another time zone, date style or standard_conforming_strings changes what queries answer; fewer connections are refused at the first peak.
--- remedy    ALTER SYSTEM SET ... on the target; SELECT pg_reload_conf(); max_connections takes a restart.
-- what holds for a session that asks for nothing: ours asks for a search_path
SELECT s.name AS object, s.reset_val AS setting
  FROM pg_settings s
 WHERE s.name IN ('TimeZone', 'DateStyle', 'IntervalStyle', 'standard_conforming_strings', 'backslash_quote', 'bytea_output',
                  'default_transaction_isolation', 'default_transaction_deferrable', 'extra_float_digits', 'max_connections',
                  'default_text_search_config', 'lc_monetary', 'lc_numeric', 'lc_time', 'array_nulls', 'transform_null_equals',
                  'xmlbinary', 'xmloption', 'max_prepared_transactions', 'default_tablespace', 'session_replication_role',
                  'track_commit_timestamp', 'default_toast_compression', 'max_locks_per_transaction', 'escape_string_warning')
   -- the default of floats changed with 12, and 13 has no compression to choose
   AND NOT (s.name = 'extra_float_digits' AND s.source = 'default')
   AND NOT (s.name = 'default_toast_compression' AND s.source = 'default');

--- check work_settings_same
--- group     servers
--- title     Memory and parallelism are set alike
--- on        source
--- against   target
--- per       node
--- severity  info
--- why       The same query takes longer with less memory: the load of the day may then not fit.
--- remedy    ALTER SYSTEM SET ... on the target, where it is not meant to differ.
SELECT s.name AS object, s.setting || coalesce(' ' || s.unit, '') AS setting
  FROM pg_settings s
 WHERE s.name IN ('shared_buffers', 'work_mem', 'maintenance_work_mem', 'temp_buffers', 'max_parallel_workers_per_gather',
                  'max_parallel_workers', 'random_page_cost', 'seq_page_cost', 'default_statistics_target');

--- check database_limits_same
--- group     servers
--- title     Both databases let as many connect
--- on        source
--- against   target
--- severity  warn
--- why       A connection limit that only the target has refuses clients after the switch.
--- remedy    ALTER DATABASE ... CONNECTION LIMIT ...; on the target.
SELECT 'database' AS object, d.datconnlimit::text AS "connection limit", d.datallowconn::text AS "connections allowed"
  FROM pg_database d WHERE d.datname = current_database();

--- check tablespaces_same
--- group     servers
--- title     Tablespaces are the same on both sides
--- on        source
--- against   target
--- per       node
--- severity  warn
--- why       The schema names the tablespace of each table: where it is missing the restore stops.
--- remedy    CREATE TABLESPACE ... LOCATION ...; on the target (its directory first).
SELECT 'tablespace ' || quote_ident(t.spcname) AS object, 'exists' AS detail
  FROM pg_tablespace t WHERE t.spcname !~ '^pg_';

--- check collation_versions
--- group     servers
--- title     The source's collations are as when its indexes were built
--- on        source
--- severity  warn
--- why       The operating system sorts text otherwise than it did when indexes were built: a UNIQUE may have been broken already, and then a row is refused on the target.
--- remedy    REINDEX what the collation is used in, then ALTER COLLATION ... REFRESH VERSION;
SELECT format('%I.%I', n.nspname, c.collname) AS object,
       format('built with %s, now %s', c.collversion, pg_collation_actual_version(c.oid)) AS detail
  FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
 WHERE c.collversion IS NOT NULL AND c.collprovider <> 'd'
   AND c.collversion <> pg_collation_actual_version(c.oid);

--- check text_keys
--- group     servers
--- title     No index sorts text by a language's rules
--- on        source
--- severity  info
--- why       Two servers with other libraries may sort such text otherwise: compare them by their rows, never by ranges of text.
--- remedy    Nothing to mend: both sides build their indexes themselves. It matters where the check locale_same is red.
SELECT format('%I.%I', n.nspname, c.relname) AS object, 'sorted by ' || string_agg(DISTINCT co.collname::text, ', ') AS detail
  FROM pg_index i
 CROSS JOIN LATERAL unnest(i.indcollation) AS k (oid)
  JOIN pg_collation co ON co.oid = k.oid
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_database d ON d.datname = current_database()
 WHERE co.collname NOT IN ('C', 'POSIX', 'ucs_basic') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT (co.collname = 'default' AND d.datcollate ~* '^(C|POSIX)(\.|$)')
 GROUP BY n.nspname, c.relname;

--- check source_wal_limit
--- group     servers
--- title     The source keeps a slot's WAL whatever it takes
--- on        source
--- per       node
--- since     13
--- severity  warn
--- why       max_slot_wal_keep_size drops the slot when the copy takes long: then everything has to be copied again.
--- remedy    ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf(); and watch the disk. RESET it afterwards.
SELECT s.name AS object, s.setting || ' MB' AS detail
  FROM pg_settings s WHERE s.name = 'max_slot_wal_keep_size' AND s.setting <> '-1';

--- check target_wal_limit
--- group     servers
--- title     The target keeps a slot's WAL whatever it takes
--- on        target
--- per       node
--- since     13
--- severity  warn
--- why       max_slot_wal_keep_size drops the slot of the way back while the old server is away: then there is no way back without loss.
--- remedy    ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf(); and watch the disk. RESET it afterwards.
SELECT s.name AS object, s.setting || ' MB' AS detail
  FROM pg_settings s WHERE s.name = 'max_slot_wal_keep_size' AND s.setting <> '-1';

--- check target_idle_slots
--- group     servers
--- title     The target drops no idle slot
--- on        target
--- per       node
--- since     18
--- severity  warn
--- why       idle_replication_slot_timeout drops the slot of the way back while the old server is away for that long.
--- remedy    ALTER SYSTEM RESET idle_replication_slot_timeout; SELECT pg_reload_conf();
SELECT s.name AS object, s.setting || coalesce(' ' || s.unit, '') AS detail
  FROM pg_settings s WHERE s.name = 'idle_replication_slot_timeout' AND s.setting <> '0';

--- check wal_retained
--- group     servers
--- title     No idle slot fills the source's disk
--- on        source
--- per       node
--- severity  warn
--- why       A slot that nobody reads keeps all WAL since: when the disk is full the database stops.
--- remedy    SELECT pg_drop_replication_slot(...); where nobody comes back for it.
SELECT s.slot_name::text AS object,
       pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)) || ' of WAL kept, and nobody reads it' AS detail
  FROM pg_replication_slots s
 WHERE NOT s.active AND NOT pg_is_in_recovery()
   -- what the server keeps anyway
   AND pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) > (SELECT setting::numeric * 1024 * 1024 FROM pg_settings WHERE name = 'max_wal_size');

--- check sender_timeout
--- group     servers
--- title     The source waits long enough for the target
--- on        source
--- per       node
--- severity  warn
--- why       A short wal_sender_timeout ends replication in the middle of a large transaction, which then begins again, for ever.
--- remedy    ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();
SELECT s.name AS object, s.setting || ' ms' AS detail
  FROM pg_settings s WHERE s.name = 'wal_sender_timeout' AND s.setting::int BETWEEN 1 AND 29999;

--- check target_sync_standby
--- group     servers
--- title     Commits on the target wait for no standby that is away
--- on        target
--- per       node
--- severity  block
--- why       With synchronous_standby_names set and no such standby connected, every commit of the application hangs.
--- remedy    Start the standby, or ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf();
SELECT s.name AS object, s.setting AS detail
  FROM pg_settings s
 WHERE s.name = 'synchronous_standby_names' AND s.setting <> ''
   AND NOT EXISTS (SELECT FROM pg_stat_replication r WHERE r.sync_state IN ('sync', 'quorum'));

--- check target_autovacuum
--- group     servers
--- title     The target vacuums and analyzes by itself
--- on        target
--- per       node
--- severity  warn
--- why       It was switched off for the copy and forgotten: tables grow and plans go stale, days later.
--- remedy    ALTER SYSTEM RESET autovacuum; SELECT pg_reload_conf();
SELECT s.name AS object, s.setting AS detail
  FROM pg_settings s WHERE s.name IN ('autovacuum', 'track_counts') AND s.setting = 'off';

--- check target_unsafe
--- group     servers
--- title     The target survives a crash
--- on        target
--- per       node
--- severity  info
--- why       synchronous_commit, off for the copy and forgotten, loses what the application was told is saved.
--- remedy    ALTER SYSTEM RESET synchronous_commit; SELECT pg_reload_conf();
SELECT s.name AS object, s.reset_val AS detail
  FROM pg_settings s WHERE s.name = 'synchronous_commit' AND s.reset_val IN ('off', 'local');

--- check session_role
--- group     servers
--- title     Triggers and foreign keys are on in the target's sessions
--- on        target
--- severity  block
--- why       session_replication_role = replica, set for a copy and forgotten, switches every trigger and foreign key off for the application.
--- remedy    ALTER ROLE ... RESET, ALTER DATABASE ... RESET session_replication_role;
SELECT coalesce('role ' || r.rolname, 'database') AS object, c.line AS detail
  FROM pg_db_role_setting s
  LEFT JOIN pg_database d ON d.oid = s.setdatabase
  LEFT JOIN pg_roles r ON r.oid = s.setrole
 CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
 WHERE c.line LIKE 'session\_replication\_role=%' AND c.line <> 'session_replication_role=origin'
   AND (s.setdatabase = 0 OR d.datname = current_database());

--- check xid_age
--- group     servers
--- title     The source needs no vacuum against wraparound
--- on        source
--- severity  warn
--- why       Such a vacuum starts by itself, in the window too, and gives way to nobody.
--- remedy    VACUUM (FREEZE); of the tables that are oldest, before the window.
SELECT 'database ' || d.datname AS object,
       format('%s transactions old, %s start it', age(d.datfrozenxid), current_setting('autovacuum_freeze_max_age')) AS detail
  FROM pg_database d
 WHERE d.datname = current_database() AND age(d.datfrozenxid) > current_setting('autovacuum_freeze_max_age')::int * 0.95;

--- check clocks
--- group     servers
--- title     The source's clock is right
--- on        source
--- per       node
--- severity  warn
--- why       Times that the application writes jump at the switch, and logs of both sides can't be put side by side.
--- remedy    Set the clock by NTP (chrony, systemd-timesyncd).
SELECT 'clock' AS object, format('%s s away from this console', round((extract(epoch FROM clock_timestamp()) - :'console_epoch'::numeric)::numeric)) AS detail
 WHERE abs(extract(epoch FROM clock_timestamp()) - :'console_epoch'::numeric) > 5;

--- check target_clock
--- group     servers
--- title     The target's clock is right
--- on        target
--- per       node
--- severity  warn
--- why       Times that the application writes jump at the switch, and logs of both sides can't be put side by side.
--- remedy    Set the clock by NTP (chrony, systemd-timesyncd).
SELECT 'clock' AS object, format('%s s away from this console', round((extract(epoch FROM clock_timestamp()) - :'console_epoch'::numeric)::numeric)) AS detail
 WHERE abs(extract(epoch FROM clock_timestamp()) - :'console_epoch'::numeric) > 5;

--- check source_writable
--- group     servers
--- title     The source as a whole is not read-only
--- on        source
--- per       node
--- severity  warn
--- privilege SELECT on pg_file_settings and EXECUTE on pg_show_all_file_settings()
--- why       With default_transaction_read_only in the server's own settings the freeze's undo would not bring writes back.
--- remedy    ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf();
-- from the files: our own sessions are read-only by their options
SELECT f.name AS object, f.setting AS detail
  FROM pg_file_settings f
 WHERE f.name = 'default_transaction_read_only' AND f.applied AND f.setting::boolean;

--- check target_writable
--- group     servers
--- title     The target as a whole is not read-only
--- on        target
--- per       node
--- severity  warn
--- privilege SELECT on pg_file_settings and EXECUTE on pg_show_all_file_settings()
--- why       With default_transaction_read_only in the server's own settings the switch would not let anybody write.
--- remedy    ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf();
-- from the files: our own sessions are read-only by their options
SELECT f.name AS object, f.setting AS detail
  FROM pg_file_settings f
 WHERE f.name = 'default_transaction_read_only' AND f.applied AND f.setting::boolean;
