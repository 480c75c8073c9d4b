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
SELECT coalesce('role ' || r.rolname, 'database') || CASE WHEN d.oid IS NULL THEN ' everywhere' ELSE '' END AS object,
       c.line AS detail
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
   AND NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'pgcutover')
UNION ALL
SELECT 'server', s.name || '=' || s.setting FROM pg_settings s
 WHERE s.name = 'default_transaction_read_only' AND s.setting = 'on'
   AND s.source IN ('configuration file', 'command line', 'environment variable');

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
   AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgcutover')
UNION ALL
SELECT 'server', s.name || '=' || s.setting FROM pg_settings s
 WHERE s.name = 'default_transaction_read_only' AND s.setting = 'on'
   AND s.source IN ('configuration file', 'command line', 'environment variable');

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
--- per       node
--- severity  block
--- why       It makes the subscription, roles, and the slot of the way back, and asks how far apply has come.
--- remedy    Use a superuser; else GRANT EXECUTE ON FUNCTION pg_replication_origin_progress(text, boolean) and the roles named.
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
