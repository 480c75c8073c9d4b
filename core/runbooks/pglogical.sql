--- runbook pglogical
--- title   Move to a new major version by the extension pglogical
--- why     The tables are copied and followed by pglogical 2, the way back stands on built-in
--- why     replication from before the clients come. It ends at the sign-off.
-- After pglupgrade's eight plays. Where this differs from them, it is for a reason:
-- - Sequences are set by ourselves, exactly, as in the runbook `logical`. pglogical would set them up to
--   2,000 numbers further: the wrong way for one that counts down, and beyond the end of a small one,
--   which is an error at which apply stops for good. On a fenced target every one of them is.
-- - The schema comes by pg_dump from this console: pglogical's synchronize_structure starts a pg_dump on
--   the target's server with the password in its arguments, for everybody there to read.
-- - The freeze comes before the switch, not with the end of the old server.
-- pglogical wants a superuser: the roles in `replication` of the configuration have to be, and nobody
-- else needs USAGE on the schema pglogical (it is enough to make replication sets).
-- A worker that crashes is told as `replicating` all the same: only a row that arrives is a proof.
-- Going back after the window: the runbook `rollback`, which no test has walked after this one. Its step
-- `no_strays` looks into a slot that only `logical` makes and does not end here: it has to be skipped.
-- What is pglogical's then stays until drop_subscription, drop_node and DROP EXTENSION, by hand.
-- Names: node pgcutover_source and pgcutover_target, replication set and subscription pgcutover.

-- ============================================================ prepare: traffic goes on

--- step source_roles
--- phase      prepare
--- title      Read the source's roles
--- on         source
--- per        node
--- requires   source_is_primary target_is_primary source_wal_level target_wal_level source_rights target_rights source_slots target_slots source_workers target_workers
--- capture    source_roles source_passwords source_major
--- why        Only reads: what the target needs is remembered, so that it can be proved to be there.
SELECT (SELECT coalesce(array_agg(i.item ORDER BY i.item), '{}')::text
          FROM (SELECT r.rolname::text AS item FROM pg_roles r WHERE r.rolname !~ '^pg_'
                UNION ALL
                SELECT format('%I to %I', r.rolname, m.rolname)
                  FROM pg_auth_members a
                  JOIN pg_roles r ON r.oid = a.roleid
                  JOIN pg_roles m ON m.oid = a.member
                 WHERE m.rolname !~ '^pg_') AS i) AS source_roles,
       -- asked by its own text: where passwords may not be read, the rest is answered all the same
       CASE WHEN has_table_privilege('pg_catalog.pg_authid', 'SELECT') THEN
            (xpath('/row/names/text()', query_to_xml(
                'SELECT coalesce(array_agg(rolname::text ORDER BY rolname), ''{}'')::text AS names
                   FROM pg_catalog.pg_authid WHERE rolpassword IS NOT NULL', false, true, '')))[1]::text
            ELSE '{}' END AS source_passwords,
       current_setting('server_version_num')::int / 10000 AS source_major;
--- probe none It reads and leaves nothing.
--- undo none It reads and leaves nothing.

--- step roles
--- title      Roles, grants and settings it lacks
--- kind       gexec
--- from       source
--- on         target
--- per        node
--- why        A role that lacks takes its grants and its logins with it. Roles that exist are left as they are; passwords come in the next step.
SELECT s.statement
  FROM (
    SELECT 1 AS part, r.rolname::text AS name, format('DO %L', format(
               'BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %L) THEN CREATE ROLE %I%s; END IF; END',
               r.rolname, r.rolname,
               CASE WHEN r.rolcanlogin THEN ' LOGIN' ELSE '' END
               || CASE WHEN r.rolsuper THEN ' SUPERUSER' ELSE '' END
               || CASE WHEN r.rolcreatedb THEN ' CREATEDB' ELSE '' END
               || CASE WHEN r.rolcreaterole THEN ' CREATEROLE' ELSE '' END
               || CASE WHEN r.rolreplication THEN ' REPLICATION' ELSE '' END
               || CASE WHEN r.rolbypassrls THEN ' BYPASSRLS' ELSE '' END
               || CASE WHEN r.rolinherit THEN '' ELSE ' NOINHERIT' END
               || CASE WHEN r.rolconnlimit < 0 THEN '' ELSE ' CONNECTION LIMIT ' || r.rolconnlimit END
               || CASE WHEN isfinite(r.rolvaliduntil) THEN format(' VALID UNTIL %L', r.rolvaliduntil) ELSE '' END)) AS statement
      FROM pg_roles r WHERE r.rolname !~ '^pg_'
    UNION ALL
    SELECT 2, m.rolname || ' ' || r.rolname,
           format('GRANT %I TO %I%s', r.rolname, m.rolname,
                  CASE WHEN a.admin_option THEN ' WITH ADMIN OPTION' ELSE '' END)
      FROM pg_auth_members a
      JOIN pg_roles r ON r.oid = a.roleid
      JOIN pg_roles m ON m.oid = a.member
     WHERE m.rolname !~ '^pg_'
    UNION ALL
    -- what pg_dump of a database leaves to pg_dumpall: its own grants
    SELECT 3, d.datname::text,
           format('DO %L', format(
               'BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = %L) THEN %s END IF; END', d.datname,
               format('REVOKE ALL ON DATABASE %I FROM PUBLIC; ', d.datname)
               || string_agg(format('GRANT %s ON DATABASE %I TO %s%s; ', g.privilege_type, d.datname,
                                    CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
                                    CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), ''
                             ORDER BY g.grantee, g.privilege_type)))
      FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) AS g
     WHERE NOT d.datistemplate GROUP BY d.datname
    UNION ALL
    -- and the settings of roles and databases; one that the newer version no longer has is passed over
    SELECT 4, coalesce(r.rolname, '') || ' ' || coalesce(d.datname, ''),
           format('DO %L', format(
               'BEGIN %sALTER %s SET %I TO %s; %sEXCEPTION WHEN undefined_object OR invalid_parameter_value THEN RAISE WARNING ''%%'', SQLERRM; END',
               CASE WHEN d.oid IS NULL THEN '' ELSE format('IF EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = %L) THEN ', d.datname) END,
               CASE WHEN r.oid IS NULL AND d.oid IS NULL THEN 'ROLE ALL'
                    WHEN r.oid IS NULL THEN format('DATABASE %I', d.datname)
                    WHEN d.oid IS NULL THEN format('ROLE %I', r.rolname)
                    ELSE format('ROLE %I IN DATABASE %I', r.rolname, d.datname) END,
               split_part(c.line, '=', 1),
               -- lists are kept quoted already
               CASE WHEN split_part(c.line, '=', 1) IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries')
                    THEN substr(c.line, strpos(c.line, '=') + 1)
                    ELSE quote_literal(substr(c.line, strpos(c.line, '=') + 1)) END,
               CASE WHEN d.oid IS NULL THEN '' ELSE 'END IF; ' END))
      FROM pg_db_role_setting s
      LEFT JOIN pg_database d ON d.oid = s.setdatabase
      LEFT JOIN pg_roles r ON r.oid = s.setrole
     CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
     WHERE c.line NOT LIKE 'default\_transaction\_read\_only=%') AS s
 ORDER BY s.part, s.name, s.statement;
--- probe
SELECT NOT EXISTS (
           SELECT FROM unnest(:'source_roles'::text[]) AS w (item)
            WHERE w.item NOT IN (
                      SELECT r.rolname::text FROM pg_roles r
                      UNION ALL
                      SELECT format('%I to %I', r.rolname, m.rolname)
                        FROM pg_auth_members a
                        JOIN pg_roles r ON r.oid = a.roleid
                        JOIN pg_roles m ON m.oid = a.member)) AS done;
--- undo none A role may be in use by now, by another database too; it does no harm.

--- step passwords
--- title      Passwords of roles that have none there
--- kind       command
--- on         target
--- per        node
--- timeout    60s
--- why        They go from server to server as the hashes they are, never through the screen, the journal or the target's log. Where the provider hides them, set them by hand and skip this.
bash -o pipefail -c 'psql -XAtq -v ON_ERROR_STOP=1 -d "$1" -c "$3" | psql -Xq -o /dev/null -v ON_ERROR_STOP=1 --single-transaction -d "$2"' passwords :source_dsn :target_dsn
  "SELECT 'SELECT set_config(''log_statement'', ''none'', true) FROM pg_roles WHERE rolname = current_user AND rolsuper;'
   UNION ALL
   SELECT format('DO %L;', format('BEGIN IF EXISTS (SELECT FROM pg_authid WHERE rolname = %L AND rolpassword IS NULL) THEN ALTER ROLE %I PASSWORD %L; END IF; END', rolname, rolname, rolpassword)) FROM pg_authid WHERE rolpassword IS NOT NULL AND rolname !~ '^pg_'"
--- probe
SELECT NOT EXISTS (
           SELECT FROM pg_authid a
            WHERE a.rolname::text = ANY (:'source_passwords'::text[]) AND a.rolpassword IS NULL) AS done;
--- undo none A password does no harm to a role that nobody uses yet.

--- step preloaded_source
--- title      The source has loaded pglogical
--- kind       wait
--- on         source
--- per        node
--- timeout    10s
--- why        Its package has to be installed, and the server started with it. The restart is the only downtime of the old server before the window: plan it.
SELECT current_setting('shared_preload_libraries') ~ '\mpglogical\M' AS done,
       'shared_preload_libraries to contain pglogical, and a restart' AS waits;

--- step preloaded_target
--- title      The target has loaded pglogical
--- kind       wait
--- on         target
--- per        node
--- timeout    10s
--- why        As on the source.
SELECT current_setting('shared_preload_libraries') ~ '\mpglogical\M' AS done,
       'shared_preload_libraries to contain pglogical, and a restart' AS waits;

--- step output_allowed
--- title      The source lets pglogical decode
--- kind       wait
--- on         source
--- per        node
--- needs      setting output_plugin_libraries
--- timeout    10s
--- why        Minor versions since 2026 load only the output plugins that are listed. Without it the subscription is `down` and stays so.
SELECT current_setting('output_plugin_libraries') ~ '\mpglogical_output\M'
       -- set as one string, it is the name of one library that nobody has
       AND current_setting('output_plugin_libraries') !~ '"[^"]*,' AS done,
       'ALTER SYSTEM SET output_plugin_libraries = pgoutput, pglogical_output (without quotes), and a reload' AS waits;

--- step tables_fit
--- title      pglogical can carry every table
--- kind       wait
--- on         source
--- timeout    10s
--- why        A table without a primary key (or an index as its replica identity) can't have its UPDATEs carried; REPLICA IDENTITY FULL does not help. A computed column can't be copied, and a row of such a table crashes the whole server of the target.
SELECT count(*) = 0 AS done, coalesce(string_agg(t.what, '; '), '') AS waits
  FROM (SELECT format('%I.%I to have a primary key as its replica identity', n.nspname, c.relname) AS what
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND c.relpersistence = 'p'
           AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
           AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                              AND x.objid = c.oid AND x.deptype = 'e')
           AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid
                              AND (i.indisprimary AND c.relreplident = 'd'
                                OR i.indisreplident AND c.relreplident = 'i'))
        UNION ALL
        SELECT format('%I.%I.%I to be no computed column (ALTER COLUMN ... DROP EXPRESSION)', n.nspname, c.relname, a.attname)
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND to_jsonb(a) ->> 'attgenerated' <> ''
           AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')) AS t;

--- step extension_source
--- title      The extension on the source
--- on         source
--- why        It starts one worker for this database.
CREATE EXTENSION pglogical;
--- probe
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pglogical') AS done;
--- undo
DROP EXTENSION pglogical;
DROP SCHEMA pglogical;

--- step extension_target
--- title      The extension on the target
--- on         target
--- why        It starts one worker for this database.
CREATE EXTENSION pglogical;
--- probe
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pglogical') AS done;
--- undo
DROP EXTENSION pglogical;
DROP SCHEMA pglogical;

--- step source_schema
--- title      Read the source's schema
--- on         source
--- requires   source_not_fenced no_freeze_exceptions large_objects replica_identity sequences_readable encoding_same
--- capture    slot slot_back schema source_ddl source_extensions
--- timeout    60s
--- why        Only reads: a fingerprint of tables and columns, which the target must show too. After DDL on the source run it again.
WITH own AS (
    SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
           set_config('IntervalStyle', 'postgres', true)), ddl_rel AS (
    SELECT c.*, c.oid AS id, format('%I.%I', n.nspname, c.relname) AS name
      FROM own CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                          AND x.objid = c.oid AND x.deptype = 'e')), ddl (kind, line) AS (
    SELECT 'tables', concat_ws(' ', name, relkind, relpersistence, relrowsecurity, relforcerowsecurity) FROM ddl_rel
    UNION ALL
    SELECT 'columns', concat_ws(' ', c.name, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
                                a.attcollation, pg_get_expr(d.adbin, d.adrelid))
      FROM ddl_rel c JOIN pg_attribute a ON a.attrelid = c.id AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL
    SELECT 'constraints', concat_ws(' ', c.name, k.conname, pg_get_constraintdef(k.oid))
      FROM ddl_rel c JOIN pg_constraint k ON k.conrelid = c.id
    UNION ALL
    SELECT 'indexes', concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid)
      FROM ddl_rel c JOIN pg_index i ON i.indrelid = c.id
    UNION ALL
    SELECT 'triggers', concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
      FROM ddl_rel c JOIN pg_trigger t ON t.tgrelid = c.id WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'policies', concat_ws(' ', c.name, p.polname, p.polcmd, p.polroles, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
      FROM ddl_rel c JOIN pg_policy p ON p.polrelid = c.id
    UNION ALL
    SELECT 'sequences', concat_ws(' ', c.name, s.seqtypid, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle)
      FROM ddl_rel c JOIN pg_sequence s ON s.seqrelid = c.id
    UNION ALL
    SELECT 'types', concat_ws(' ', e.enumtypid::regtype, e.enumlabel, e.enumsortorder) FROM pg_enum e
    UNION ALL
    SELECT 'functions', concat_ws(' ', p.oid::regprocedure, md5(p.prosrc), p.provolatile, p.prosecdef, p.proconfig)
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass
                          AND x.objid = p.oid AND x.deptype IN ('e', 'i'))), rel AS (
    SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.relkind
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                          AND x.objid = c.oid AND x.deptype = 'e')), item (object, detail) AS (
    SELECT name, 'relation of kind ' || relkind::text FROM rel
    UNION ALL
    SELECT r.name || '.' || quote_ident(a.attname),
           concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
                     CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity' END)
      FROM rel r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE r.relkind IN ('r', 'p', 'f'))
SELECT 'pgcutover_' || substr(md5(current_database()), 1, 12) AS slot,
       'pgcutover_back_' || substr(md5(current_database()), 1, 12) AS slot_back,
       md5(coalesce(string_agg(object || ' ' || detail, E'\n' ORDER BY (object || ' ' || detail) COLLATE "C"), '')) AS schema,
       -- all of it, kind by kind: the check ddl_since looks at it again before the window and inside
       (SELECT string_agg(f.line, ' ' ORDER BY f.line)
          FROM (SELECT k.kind || '=' || md5(coalesce(string_agg(d.line, E'\n' ORDER BY d.line COLLATE "C"), '')) AS line
                  FROM unnest(ARRAY['tables', 'columns', 'constraints', 'indexes', 'triggers', 'policies', 'sequences', 'types', 'functions']) AS k (kind) LEFT JOIN ddl d ON d.kind = k.kind
                 GROUP BY k.kind) AS f) AS source_ddl,
       (SELECT array_agg(e.extname::text ORDER BY e.extname)::text FROM pg_extension e) AS source_extensions
  FROM item;
--- probe none It reads and leaves nothing.
--- undo none It reads and leaves nothing.

--- step schema
--- title      Copy the schema
--- kind       command
--- on         target
--- requires   target_empty target_not_fenced extensions_available
--- timeout    30min
--- why        pg_dump must be of the target's version or newer. All in one transaction: a role or an extension that lacks is an error, not a lost grant.
bash -o pipefail -c 'pg_dump --schema-only --no-publications --no-subscriptions --exclude-schema=pgcutover --exclude-schema=pglogical --lock-wait-timeout=10s -d "$1" | psql -Xq -o /dev/null -v ON_ERROR_STOP=1 --single-transaction -d "$2"' schema :source_dsn :target_dsn
--- probe
WITH rel AS (
    SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.relkind
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                          AND x.objid = c.oid AND x.deptype = 'e')), item (object, detail) AS (
    SELECT name, 'relation of kind ' || relkind::text FROM rel
    UNION ALL
    SELECT r.name || '.' || quote_ident(a.attname),
           concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
                     CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity' END)
      FROM rel r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE r.relkind IN ('r', 'p', 'f'))
SELECT md5(coalesce(string_agg(object || ' ' || detail, E'\n' ORDER BY (object || ' ' || detail) COLLATE "C"), '')) = :'schema' AS done
  FROM item;
--- undo none It holds no rows that matter: to begin again, drop and create the target's database.

--- step heartbeat
--- title      Our own tables on the source
--- on         source
--- why        One row of a table that is replicated proves later that everything before it has arrived.
CREATE SCHEMA pgcutover;
CREATE TABLE pgcutover.heartbeat (id int PRIMARY KEY, token text, lsn pg_lsn, at timestamptz);
CREATE TABLE pgcutover.heartbeat_back (id int PRIMARY KEY, token text, lsn pg_lsn, at timestamptz);
-- the role that replicates reads them too, whoever it is
GRANT USAGE ON SCHEMA pgcutover TO PUBLIC;
GRANT SELECT ON pgcutover.heartbeat, pgcutover.heartbeat_back TO PUBLIC;
--- probe
SELECT count(*) = 2 AS done
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'pgcutover' AND c.relname IN ('heartbeat', 'heartbeat_back');
--- undo
DROP TABLE pgcutover.heartbeat, pgcutover.heartbeat_back;
DROP SCHEMA pgcutover;

--- step heartbeat_target
--- title      Our own tables on the target
--- on         target
--- requires   schema_same sequences_alike
--- why        The same two tables: one for each direction.
CREATE SCHEMA pgcutover;
CREATE TABLE pgcutover.heartbeat (id int PRIMARY KEY, token text, lsn pg_lsn, at timestamptz);
CREATE TABLE pgcutover.heartbeat_back (id int PRIMARY KEY, token text, lsn pg_lsn, at timestamptz);
-- the role that replicates reads them too, whoever it is
GRANT USAGE ON SCHEMA pgcutover TO PUBLIC;
GRANT SELECT ON pgcutover.heartbeat, pgcutover.heartbeat_back TO PUBLIC;
--- probe
SELECT count(*) = 2 AS done
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'pgcutover' AND c.relname IN ('heartbeat', 'heartbeat_back');
--- undo
DROP TABLE pgcutover.heartbeat, pgcutover.heartbeat_back;
DROP SCHEMA pgcutover;

--- step node_source
--- title      The source is a node
--- on         source
--- why        How the target reaches it, with the password: pglogical keeps it in a table that only superusers read.
SELECT pglogical.create_node(node_name := 'pgcutover_source', dsn := :'source_conninfo') AS node;
--- probe
SELECT CASE WHEN to_regclass('pglogical.local_node') IS NULL THEN false
            ELSE (xpath('/row/done/text()', query_to_xml(
                'SELECT EXISTS (SELECT FROM pglogical.node JOIN pglogical.local_node USING (node_id)
                                 WHERE node_name = ''pgcutover_source'') AS done', false, true, '')))[1]::text = 'true' END AS done;
--- undo
SELECT pglogical.drop_node('pgcutover_source');

--- step replication_set
--- title      A replication set
--- on         source
--- why        Every kind of change of the tables in it: INSERT, UPDATE, DELETE and TRUNCATE.
SELECT pglogical.create_replication_set('pgcutover') AS replication_set;
--- probe
SELECT CASE WHEN to_regclass('pglogical.replication_set') IS NULL THEN false
            ELSE (xpath('/row/done/text()', query_to_xml(
                'SELECT EXISTS (SELECT FROM pglogical.replication_set WHERE set_name = ''pgcutover'') AS done', false, true, '')))[1]::text = 'true' END AS done;
--- undo
SELECT pglogical.drop_replication_set('pgcutover');

--- step tables
--- title      Every table into the replication set
--- kind       gexec
--- from       source
--- on         source
--- no-transaction
--- requires   no_long_transactions
--- timeout    60s
--- why        Partitions by themselves. Each table is locked for a moment, for a trigger that carries TRUNCATE: one by one, since all of them in one transaction make deadlocks with the application's.
SELECT format('SELECT pglogical.replication_set_add_table(''pgcutover'', %L::regclass, false)', format('%I.%I', n.nspname, c.relname)) AS statement
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT (n.nspname = 'pgcutover' AND c.relname = 'heartbeat_back')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e')
   -- broken off, it goes on where it was
   AND NOT EXISTS (SELECT FROM pglogical.replication_set_table t JOIN pglogical.replication_set s ON s.set_id = t.set_id
                    WHERE s.set_name = 'pgcutover' AND t.set_reloid = c.oid)
 ORDER BY n.nspname, c.relname;
--- probe
SELECT CASE WHEN to_regclass('pglogical.tables') IS NULL THEN false
            ELSE (xpath('/row/done/text()', query_to_xml(
                'SELECT count(*) > 0 AND bool_and(EXISTS (
                            SELECT FROM pglogical.replication_set_table t JOIN pglogical.replication_set s ON s.set_id = t.set_id
                             WHERE s.set_name = ''pgcutover'' AND t.set_reloid = c.oid)) AS done
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.relkind = ''r'' AND c.relpersistence = ''p'' AND n.nspname !~ ''^pg_''
                    AND n.nspname <> ''information_schema''
                    AND NOT (n.nspname = ''pgcutover'' AND c.relname = ''heartbeat_back'')
                    AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = ''pg_class''::regclass
                                       AND x.objid = c.oid AND x.deptype = ''e'')', false, true, '')))[1]::text = 'true' END AS done;
--- undo
SELECT count(pglogical.replication_set_remove_table('pgcutover', t.set_reloid))
  FROM pglogical.replication_set_table t JOIN pglogical.replication_set s ON s.set_id = t.set_id
 WHERE s.set_name = 'pgcutover';

--- step node_target
--- title      The target is a node
--- on         target
--- why        How its own workers reach it, with the password: pglogical keeps it in a table that only superusers read.
SELECT pglogical.create_node(node_name := 'pgcutover_target', dsn := :'target_conninfo') AS node;
--- probe
SELECT CASE WHEN to_regclass('pglogical.local_node') IS NULL THEN false
            ELSE (xpath('/row/done/text()', query_to_xml(
                'SELECT EXISTS (SELECT FROM pglogical.node JOIN pglogical.local_node USING (node_id)
                                 WHERE node_name = ''pgcutover_target'') AS done', false, true, '')))[1]::text = 'true' END AS done;
--- undo
SELECT pglogical.drop_node('pgcutover_target');

--- step subscription
--- title      Subscribe, and copy the rows
--- on         target
--- requires   target_workers target_timeouts no_prepared_transactions source_slots schema_same
--- timeout    60s
--- why        Copies all tables in one transaction of the source, then follows. It makes a slot there, which waits for every transaction that is writing.
SELECT pglogical.create_subscription(subscription_name := 'pgcutover', provider_dsn := :'source_conninfo',
           replication_sets := ARRAY['pgcutover'], synchronize_structure := false,
           synchronize_data := true, forward_origins := '{}') AS subscription;
--- probe
SELECT CASE WHEN to_regclass('pglogical.subscription') IS NULL THEN false
            ELSE (xpath('/row/done/text()', query_to_xml(
                'SELECT EXISTS (SELECT FROM pglogical.subscription WHERE sub_name = ''pgcutover'') AS done', false, true, '')))[1]::text = 'true' END AS done;
--- undo
SELECT pglogical.drop_subscription('pgcutover');

--- step ready
--- title      Every table is copied
--- kind       wait
--- on         target
--- needs      extension pglogical
--- timeout    48h
--- why        As long as it takes. `down` for longer than a moment has its reason in the target's log, and does not get better by waiting.
SELECT count(*) > 0 AND bool_and(s.status = 'replicating') AND bool_and(s.tables > 0 AND s.tables = s.ready) AS done,
       sum(s.ready) AS current, sum(s.tables) AS goal,
       coalesce(string_agg(CASE WHEN s.status = 'down' THEN 'the subscription is down: the target''s log says why; it tries again every few seconds'
                                ELSE format('the subscription, which is %s, and %s of %s tables', s.status, s.tables - s.ready, s.tables) END, '; '),
                'the subscription pgcutover, which is not there') AS waits
  FROM (SELECT v.status,
               (SELECT count(*) FROM pglogical.local_sync_status l WHERE l.sync_subid = p.sub_id) AS tables,
               (SELECT count(*) FROM pglogical.local_sync_status l WHERE l.sync_subid = p.sub_id AND l.sync_status IN ('r', 'y')) AS ready
          FROM pglogical.show_subscription_status('pgcutover') AS v
          JOIN pglogical.subscription p ON p.sub_name = v.subscription_name) AS s;

--- step fence
--- title      Make the target read-only
--- on         target
--- requires   no_writers_on_target
--- why        After the copy, whose sessions it would stop. A row that anybody writes there before the switch stops replication. The apply worker is not held up by it.
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

--- step beat
--- title      Send a heartbeat
--- on         source
--- requires   schema_same
--- capture    first_barrier first_token
--- why        One row, to see it come out on the other side.
-- the LSN is read before this transaction commits: what commits later lies beyond it
INSERT INTO pgcutover.heartbeat (id, token, lsn, at)
VALUES (1, format('%s %s', :'run', clock_timestamp()), pg_current_wal_insert_lsn(), clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET token = excluded.token, lsn = excluded.lsn, at = excluded.at
RETURNING lsn AS first_barrier, token AS first_token;
--- probe none Another heartbeat does no harm: after an interruption send it again.
--- undo none Its row goes with its table.

--- step flowing
--- title      The heartbeat arrives
--- kind       wait
--- on         target
--- needs      extension pglogical
--- timeout    10min
--- why        Proves that rows flow and are applied, not merely sent.
SELECT p.lsn >= :'first_barrier'::pg_lsn AND p.pending = 0 AND p.seen AS done,
       coalesce(pg_wal_lsn_diff(p.lsn, '0/0'), 0) AS current,
       pg_wal_lsn_diff(:'first_barrier'::pg_lsn, '0/0') AS goal,
       CASE WHEN p.pending > 0 THEN format('%s tables not ready', p.pending)
            WHEN p.seen THEN 'the last commit to be flushed'
            ELSE format('apply at %s, to reach %s', coalesce(p.lsn::text, 'nothing yet'), :'first_barrier') END AS waits
  FROM (SELECT pg_replication_origin_progress(s.sub_slot_name::text, true) AS lsn,
               (SELECT count(*) FROM pglogical.local_sync_status l
                 WHERE l.sync_subid = s.sub_id AND l.sync_status NOT IN ('r', 'y')) AS pending,
               EXISTS (SELECT FROM pgcutover.heartbeat h WHERE h.id = 1 AND h.token = :'first_token') AS seen
          FROM pglogical.subscription s
         WHERE s.sub_name = 'pgcutover') AS p;

--- step matviews
--- title      Fill the materialized views
--- kind       gexec
--- from       target
--- on         target
--- timeout    2h
--- why        They are not replicated. After the switch they are as old as this step: refresh them then.
SELECT format('REFRESH MATERIALIZED VIEW %I.%I', n.nspname, c.relname) AS statement
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'm' AND NOT c.relispopulated
 -- they were created in the order in which they need each other
 ORDER BY c.oid;
--- probe
SELECT NOT EXISTS (SELECT FROM pg_class c WHERE c.relkind = 'm' AND NOT c.relispopulated) AS done;
--- undo none A filled view does no harm.

--- step analyze
--- title      Statistics on the target
--- on         target
--- no-transaction
--- timeout    6h
--- why        Without them the first queries after the switch take the worst plans.
ANALYZE;
--- probe
SELECT NOT EXISTS (
           SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND n.nspname !~ '^pg_'
              AND n.nspname NOT IN ('information_schema', 'pgcutover')
              AND c.relpages = 0 AND pg_relation_size(c.oid) > 0) AS done;
--- undo none Statistics do no harm.

--- step sequences_before
--- title      Set the sequences beforehand
--- kind       gexec
--- from       source
--- on         target
--- until      17
--- requires   sequences_readable sequences_alike
--- timeout    60s
--- why        Tries every one of them now, and leaves only the last values to the window. No margin: it would be wrong for descending ones and exhaust small ones.
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
--- probe none The source moves on at once; the window sets them exactly and compares.
--- undo none The window sets them again, exactly.

--- step sequences_before
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

--- step publication_back
--- title      Publish every table for the way back
--- kind       gexec
--- from       target
--- on         target
--- requires   schema_same
--- why        Made now and used inside the window. A source of version 10 knows no TRUNCATE and stops at one.
SELECT 'CREATE PUBLICATION pgcutover_back FOR TABLE' || E'\n    pgcutover.heartbeat_back'
              || coalesce(string_agg(format(E',\n    %I.%I', n.nspname, c.relname), ''
                                     ORDER BY n.nspname, c.relname), '')
              || CASE WHEN :'source_major'::int < 11 THEN E'\nWITH (publish = ''insert, update, delete'')' ELSE '' END AS statement
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relpersistence = 'p'
   AND (c.relkind = 'r' AND (NOT c.relispartition OR current_setting('server_version_num')::int < 130000)
     OR c.relkind = 'p' AND NOT c.relispartition AND current_setting('server_version_num')::int >= 130000)
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e');
--- probe
SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = 'pgcutover_back') AS done;
--- undo
DROP PUBLICATION pgcutover_back;

--- step subscription_back
--- title      Subscribe the source to the way back
--- on         source
--- requires   source_workers source_timeouts
--- timeout    60s
--- why        Made but disabled; its slot comes inside the window. That it can be made proves that the source's server reaches the target.
CREATE SUBSCRIPTION pgcutover_back
    CONNECTION :'target_conninfo'
    PUBLICATION pgcutover_back
    WITH (create_slot = false, enabled = false, copy_data = false, slot_name = :'slot_back');
--- probe
SELECT EXISTS (
           SELECT FROM pg_subscription s
             JOIN pg_database d ON d.oid = s.subdbid
            WHERE d.datname = current_database() AND s.subname = 'pgcutover_back' AND s.subslotname = :'slot_back') AS done;
--- undo
ALTER SUBSCRIPTION pgcutover_back DISABLE;
ALTER SUBSCRIPTION pgcutover_back SET (slot_name = NONE);
DROP SUBSCRIPTION pgcutover_back;

--- step pooler_config
--- title      New address in the poolers' files
--- kind       manual
--- on         pooler
--- per        node
--- needs      no-variable switch_pooler
--- why        By hand it takes a minute, which would be downtime inside the window. Until the RELOAD nothing changes; should a pooler restart by itself meanwhile, the fenced target refuses writes.
In the configuration file of this pooler, let every database of the run point at the target
(host=:target_host port=:target_port). Do NOT reload: that is a step of the window.
Going back later: put the old address in again before the undo of that step.
--- probe none The file can't be seen from here; the RELOAD inside the window proves it.
--- undo none Put the old address in again before the next RELOAD.

--- step initial_standbys
--- title      The target's standbys stream
--- kind       manual
--- on         target
--- per        node
--- needs      variable standbys
--- why        Made while traffic runs on the source, so that the new primary is not alone after the switch.
On each server that is to be a standby of the target: pg_basebackup -h :target_host -p :target_port
-R -X stream -C -S NAME, then start it. As many as the variable `standbys` says (:standbys).
--- probe
SELECT count(*) >= :'standbys'::int AS done
  FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid
 WHERE r.state = 'streaming' AND s.slot_type = 'physical';
--- undo none They are standbys of the target, whatever becomes of the run.

--- step all_tables
--- title      No table is left out
--- kind       wait
--- on         source
--- needs      extension pglogical
--- timeout    10s
--- why        A table made since is in no replication set, and its rows stay behind without a word. Nor may the target be far behind: the window would be as long.
SELECT t.tables IS NULL AND l.lag <= :'lag_limit'::numeric AS done,
       concat_ws('; ', 'pglogical.replication_set_add_table for ' || t.tables, pg_size_pretty(l.lag) || ' to arrive') AS waits
  FROM (SELECT string_agg(format('%I.%I', v.nspname, v.relname), ', ') AS tables
          FROM pglogical.tables v JOIN pg_class c ON c.oid = v.relid
         WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND v.set_name IS DISTINCT FROM 'pgcutover'
           AND NOT (v.nspname = 'pgcutover' AND v.relname = 'heartbeat_back')
           AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                              AND x.objid = c.oid AND x.deptype = 'e')) AS t,
       (SELECT max(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), s.confirmed_flush_lsn)) AS lag
          FROM pg_replication_slots s
         WHERE s.database = current_database() AND s.plugin = 'pglogical_output') AS l;

--- step still_replicating
--- title      The subscription still replicates
--- kind       wait
--- on         target
--- needs      extension pglogical
--- timeout    10s
--- why        DDL on the source, or a row that can't be applied, makes it `down`, and it stays so: the same DDL on the target, then alter_subscription_disable and alter_subscription_enable.
SELECT count(*) > 0 AND bool_and(s.status = 'replicating') AND bool_and(s.tables > 0 AND s.tables = s.ready) AS done,
       sum(s.ready) AS current, sum(s.tables) AS goal,
       coalesce(string_agg(CASE WHEN s.status = 'down' THEN 'the subscription is down: the target''s log says why; it tries again every few seconds'
                                ELSE format('the subscription, which is %s, and %s of %s tables', s.status, s.tables - s.ready, s.tables) END, '; '),
                'the subscription pgcutover, which is not there') AS waits
  FROM (SELECT v.status,
               (SELECT count(*) FROM pglogical.local_sync_status l WHERE l.sync_subid = p.sub_id) AS tables,
               (SELECT count(*) FROM pglogical.local_sync_status l WHERE l.sync_subid = p.sub_id AND l.sync_status IN ('r', 'y')) AS ready
          FROM pglogical.show_subscription_status('pgcutover') AS v
          JOIN pglogical.subscription p ON p.sub_name = v.subscription_name) AS s;

-- ============================================================ window: writes are held

--- step pause
--- phase      window
--- title      Pause the poolers
--- on         pooler
--- no-transaction
--- window     opens
--- requires   schema_same ddl_since back_is_subscribed no_prepared_transactions no_prepared_on_target no_long_transactions no_long_on_target no_idle_in_transaction no_writers_on_target no_freeze_exceptions target_slots pooler_enabled
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
--- title      Stop writes on the source
--- on         source
--- window     opens
--- requires   schema_same ddl_since back_is_subscribed no_prepared_transactions no_prepared_on_target no_long_transactions no_long_on_target no_writers_on_target no_freeze_exceptions target_slots
--- why        Every new session is read-only from here; those there are now are ended next. Clients without a pooler see errors until they reconnect to the target.
DELETE FROM pgcutover.heartbeat WHERE id = 2;
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
--- on         source
--- requires   no_prepared_transactions
--- timeout    15s
--- why        A session begun before the freeze can still write, one begun after it can't: so the time is written down after the freeze and only sessions older than that are ended, until none is left twice. Those that come back don't hold it up. Replication is left alone.
INSERT INTO pgcutover.heartbeat (id, token, at) VALUES (2, :'run', clock_timestamp())
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
                AND a.backend_start < (SELECT h.at FROM pgcutover.heartbeat h WHERE h.id = 2);
        IF FOUND THEN quiet := 0; ELSE quiet := quiet + 1; END IF;
        EXIT WHEN quiet = 2;
        PERFORM pg_sleep(0.02);
    END LOOP;
END $$;
--- probe
SELECT EXISTS (SELECT FROM pgcutover.heartbeat WHERE id = 2)
   AND NOT EXISTS (
       SELECT FROM pg_stat_activity a
        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
                  AND a.backend_type = 'client backend'
                  AND NOT (a.usename = current_user AND a.application_name LIKE 'pgcutover%')
                  AND a.backend_start < (SELECT h.at FROM pgcutover.heartbeat h WHERE h.id = 2)) AS done;
--- undo
DELETE FROM pgcutover.heartbeat WHERE id = 2;

--- step quiet
--- title      Prove that the source is quiet
--- kind       wait
--- on         source
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
                   AND a.backend_start < (SELECT h.at FROM pgcutover.heartbeat h WHERE h.id = 2)) AS sessions) AS w;

--- step barrier
--- title      Write the barrier
--- on         source
--- capture    barrier token
--- why        One replicated row, with the LSN read before it commits. Everything of the application lies before it.
-- the LSN is read before this transaction commits: what commits later lies beyond it
INSERT INTO pgcutover.heartbeat (id, token, lsn, at)
VALUES (1, format('%s %s', :'run', clock_timestamp()), pg_current_wal_insert_lsn(), clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET token = excluded.token, lsn = excluded.lsn, at = excluded.at
RETURNING lsn AS barrier, token AS token;
--- probe none A later barrier is as good: after an interruption write it again.
--- undo none Its row goes with its table.

--- step caught_up
--- title      The target has everything
--- kind       wait
--- on         target
--- needs      extension pglogical
--- timeout    30s
--- why        Apply has passed the barrier, every table is ready, and the barrier's row can be read. Lag in bytes proves nothing.
SELECT p.lsn >= :'barrier'::pg_lsn AND p.pending = 0 AND p.seen AS done,
       coalesce(pg_wal_lsn_diff(p.lsn, '0/0'), 0) AS current,
       pg_wal_lsn_diff(:'barrier'::pg_lsn, '0/0') AS goal,
       CASE WHEN p.pending > 0 THEN format('%s tables not ready', p.pending)
            WHEN p.seen THEN 'the last commit to be flushed'
            ELSE format('apply at %s, to reach %s', coalesce(p.lsn::text, 'nothing yet'), :'barrier') END AS waits
  FROM (SELECT pg_replication_origin_progress(s.sub_slot_name::text, true) AS lsn,
               (SELECT count(*) FROM pglogical.local_sync_status l
                 WHERE l.sync_subid = s.sub_id AND l.sync_status NOT IN ('r', 'y')) AS pending,
               EXISTS (SELECT FROM pgcutover.heartbeat h WHERE h.id = 1 AND h.token = :'token') AS seen
          FROM pglogical.subscription s
         WHERE s.sub_name = 'pgcutover') AS p;

--- step forward_off
--- title      Stop the forward replication
--- on         target
--- no-transaction
--- supersedes ready flowing still_replicating
--- why        Before the way back starts: both at once would send rows round in circles.
SELECT pglogical.alter_subscription_disable('pgcutover', true);
--- probe
SELECT CASE WHEN to_regclass('pglogical.subscription') IS NULL THEN false
            ELSE (xpath('/row/done/text()', query_to_xml(
                'SELECT EXISTS (SELECT FROM pglogical.subscription WHERE sub_name = ''pgcutover'' AND NOT sub_enabled) AS done', false, true, '')))[1]::text = 'true' END AS done;
--- undo
SELECT pglogical.alter_subscription_enable('pgcutover', true);

--- step forward_gone
--- title      Its worker is gone
--- kind       wait
--- on         target
--- timeout    10s
--- why        Disabled is a wish; gone is a fact.
SELECT NOT EXISTS (SELECT FROM pg_stat_activity a
                    WHERE a.datname = current_database() AND a.application_name LIKE 'pglogical apply %') AS done,
       'the apply worker to end' AS waits;

--- step sequences
--- title      Sequences exactly
--- kind       gexec
--- from       source
--- on         target
--- until      17
--- supersedes sequences_before
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
--- undo none While the target is fenced nobody takes a number from them.

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
--- on         target
--- from       source
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

--- step slot_back
--- title      Slot of the way back
--- on         target
--- no-transaction
--- requires   no_prepared_on_target
--- timeout    10s
--- why        Whatever is written on the target from here on is kept for the source. It waits for every transaction that is writing there, in any database.
SET lock_timeout = '10s';
SELECT slot_name, lsn FROM pg_create_logical_replication_slot(:'slot_back', 'pgoutput');
--- probe
SELECT EXISTS (SELECT FROM pg_replication_slots
                WHERE slot_name = :'slot_back' AND database = current_database()) AS done;
--- undo
-- What waits in the slot was written on the target and has not reached the source: then it stays.
SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
 WHERE slot_name = :'slot_back' AND active_pid IS NOT NULL;
SELECT pg_sleep(0.2) WHERE EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = :'slot_back' AND active);
DO $$
DECLARE
    changes bigint;
BEGIN
    SELECT count(*) INTO changes
      FROM pg_logical_slot_peek_binary_changes('pgcutover_back_' || substr(md5(current_database()), 1, 12), NULL, NULL,
               'proto_version', '1', 'publication_names', 'pgcutover_back') AS m (lsn, xid, data)
     WHERE get_byte(m.data, 0) IN (ascii('I'), ascii('U'), ascii('D'), ascii('T'));
    IF changes > 0 THEN
        RAISE EXCEPTION 'the target has been written to since (% changes): go back by the runbook rollback', changes;
    END IF;
END $$;
SELECT pg_drop_replication_slot(:'slot_back');

--- step back_on
--- title      Enable the way back
--- on         source
--- supersedes quiet
--- why        The source stays read-only for everybody else; apply workers pass that.
ALTER SUBSCRIPTION pgcutover_back ENABLE;
--- probe
SELECT EXISTS (
           SELECT FROM pg_subscription s
             JOIN pg_database d ON d.oid = s.subdbid
            WHERE d.datname = current_database() AND s.subname = 'pgcutover_back' AND s.subenabled) AS done;
--- undo
ALTER SUBSCRIPTION pgcutover_back DISABLE;
-- Once a transaction has come back, the forward replication would send it round again: then this is
-- no undo any more. (The origin has moved only if the way back applied something.)
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_subscription s
                 JOIN pg_database d ON d.oid = s.subdbid
                 JOIN pg_replication_origin o ON o.roname = 'pg_' || s.oid
                WHERE d.datname = current_database() AND s.subname = 'pgcutover_back'
                  AND pg_replication_origin_progress(o.roname, true) IS NOT NULL) THEN
        RAISE EXCEPTION 'writes of the target have come back already: go back by the runbook rollback';
    END IF;
END $$;

--- step back_live
--- title      The way back stands
--- kind       wait
--- on         target
--- timeout    15s
--- why        The source has connected and reads the slot. Only then may anybody write on the target.
SELECT coalesce(bool_or(s.active), false) AS done, 'the source to connect' AS waits
  FROM pg_replication_slots s WHERE s.slot_name = :'slot_back';

--- step unfence
--- title      Open the target for writes
--- on         target
--- requires   way_back_works ddl_since
--- supersedes fence
--- why        Before the clients come, so that none of them meets a read-only session. Without a pooler this is where they can write again.
ALTER DATABASE :"database" RESET default_transaction_read_only;
--- probe
SELECT NOT EXISTS (
           SELECT FROM pg_db_role_setting s
             JOIN pg_database d ON d.oid = s.setdatabase
            CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
            WHERE s.setrole = 0 AND d.datname = :'database'
              AND c.line = 'default_transaction_read_only=on') AS done;
--- undo
ALTER DATABASE :"database" SET default_transaction_read_only = on;

--- step switch_by_command
--- title      Point the poolers at the target
--- kind       command
--- on         pooler
--- needs      variable switch_pooler
--- timeout    20s
--- why        Your own program `switch_pooler` writes this database's new address where the pooler reads it, and reloads the pooler. It is believed only when the pooler says so itself.
:switch_pooler :database :target_host :target_port
--- probe
SHOW DATABASES WHERE name = :'database' AND host = :'target_host' AND port = :'target_port';
--- undo
:switch_pooler :database :source_host :source_port

--- step switch
--- title      Point the poolers at the target
--- on         pooler
--- needs      no-variable switch_pooler
--- no-transaction
--- why        RELOAD reads the file that was edited before. If the probe says no, the file still has the old address: correct it and run this again. To go back, put the old address in first.
RELOAD;
--- probe
SHOW DATABASES WHERE name = :'database' AND host = :'target_host' AND port = :'target_port';
--- undo
RELOAD;

--- step resume
--- title      Let the clients go on
--- on         pooler
--- no-transaction
--- window     closes
--- supersedes pause drained
--- why        What waited in the poolers runs now, on the target. Its undo pauses them again: what was written meanwhile comes back by the runbook `rollback`.
RESUME :"database";
--- probe
SHOW DATABASES WHERE name = :'database' AND paused = '0';
--- undo
PAUSE :"database";

-- ============================================================ after: traffic runs on the target

--- step flows_back
--- phase      after
--- title      The application's rows come back
--- kind       wait
--- on         source
--- window     closes
--- timeout    30min
--- why        A transaction of the application has gone the whole way: written on the target, applied on the source. Nothing of ours is on this road, so it is proof of both.
SELECT p.lsn IS NOT NULL AS done,
       'the first transaction of the application on the target' AS waits
  FROM (SELECT pg_replication_origin_progress('pg_' || s.oid, true) AS lsn
          FROM pg_subscription s
          JOIN pg_database d ON d.oid = s.subdbid
         WHERE d.datname = current_database() AND s.subname = 'pgcutover_back') AS p;

--- step sign_off
--- title      Sign off: stay on the new version
--- on         source
--- confirm    typed
--- requires   source_stays_read_only way_back_works
--- supersedes subscription_back back_on back_live flows_back
--- why        Ends the way back. What is written on the target from here on is not known to the source: there is no way back without loss any more.
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
--- supersedes extension_target node_target subscription forward_off forward_gone caught_up publication_back slot_back back_live heartbeat_target
--- timeout    30s
--- why        Subscription, node, extension, publication, slot and tables. It takes pglogical's slot from the source too. Every statement passes over what is gone, so it can be run again.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pglogical') THEN
        PERFORM pglogical.drop_subscription('pgcutover', true);
        PERFORM pglogical.drop_node('pgcutover_target', true);
    END IF;
END $$;
DROP EXTENSION IF EXISTS pglogical;
-- made with the extension, and no part of it
DROP SCHEMA IF EXISTS pglogical;
DROP PUBLICATION IF EXISTS pgcutover_back;
SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
 WHERE slot_name = :'slot_back' AND active_pid IS NOT NULL;
SELECT pg_sleep(0.2) WHERE EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = :'slot_back' AND active);
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = :'slot_back';
DROP TABLE IF EXISTS pgcutover.heartbeat, pgcutover.heartbeat_back;
DROP SCHEMA IF EXISTS pgcutover;
--- probe
SELECT NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pglogical')
   AND NOT EXISTS (SELECT FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
                    WHERE d.datname = current_database() AND s.subname IN ('pgcutover', 'pgcutover_back'))
   AND NOT EXISTS (SELECT FROM pg_publication WHERE pubname IN ('pgcutover', 'pgcutover_back'))
   AND NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name IN (:'slot', :'slot_back') AND database = current_database())
   AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgcutover') AS done;
--- undo none Past the point of no return.

--- step clean_source
--- title      Remove what is ours on the source
--- on         source
--- no-transaction
--- supersedes extension_source node_source replication_set tables all_tables heartbeat end_sessions
--- timeout    30s
--- why        A slot of pglogical that is left (the target did not reach the source), node, extension and tables.
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
 WHERE plugin = 'pglogical_output' AND database = current_database() AND slot_name LIKE 'pgl\_%\_pgcutover' AND NOT active;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pglogical') THEN
        PERFORM pglogical.drop_node('pgcutover_source', true);
    END IF;
END $$;
DROP EXTENSION IF EXISTS pglogical;
-- made with the extension, and no part of it
DROP SCHEMA IF EXISTS pglogical;
DROP TABLE IF EXISTS pgcutover.heartbeat, pgcutover.heartbeat_back;
DROP SCHEMA IF EXISTS pgcutover;
--- probe
SELECT NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pglogical')
   AND NOT EXISTS (SELECT FROM pg_replication_slots WHERE plugin = 'pglogical_output' AND database = current_database()
                      AND slot_name LIKE 'pgl\_%\_pgcutover')
   AND NOT EXISTS (SELECT FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
                    WHERE d.datname = current_database() AND s.subname IN ('pgcutover', 'pgcutover_back'))
   AND NOT EXISTS (SELECT FROM pg_publication WHERE pubname IN ('pgcutover', 'pgcutover_back'))
   AND NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name IN (:'slot', :'slot_back') AND database = current_database())
   AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgcutover') AS done;
--- undo none Past the point of no return.

--- step unfreeze
--- title      Take the freeze from the old server
--- on         source
--- supersedes freeze
--- why        The last setting of ours. From here on the old server takes writes again: do it when no client can reach it by mistake, or stop the server and skip this.
ALTER DATABASE :"database" RESET default_transaction_read_only;
--- probe
SELECT NOT EXISTS (
           SELECT FROM pg_db_role_setting s
             JOIN pg_database d ON d.oid = s.setdatabase
            CROSS JOIN LATERAL unnest(s.setconfig) AS c (line)
            WHERE s.setrole = 0 AND d.datname = :'database'
              AND c.line = 'default_transaction_read_only=on') AS done;
--- undo none Past the point of no return.

--- step rebuild
--- title      The old server is a standby of the new one
--- kind       manual
--- on         target
--- per        node
--- needs      variable old_becomes_standby
--- down       source
--- supersedes unfreeze
--- why        The last two plays: the old server stops, so that no application connects to it any more, and comes back as a standby. Believed when it streams, by the name in `old_becomes_standby`.
Stop the old server (pg_ctl stop -m fast, or its service) and move its directory away. Keep it until
the standby streams. Then pg_basebackup -h :target_host -p :target_port -R -X stream -C -S NAME, with
application_name=:old_becomes_standby in primary_conninfo, and start it.
--- probe
SELECT EXISTS (SELECT FROM pg_stat_replication r
                WHERE r.application_name = :'old_becomes_standby' AND r.state = 'streaming') AS done;
--- undo none It is a standby; stop it where it is not wanted.
