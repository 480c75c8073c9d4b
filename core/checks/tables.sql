-- Tables and what is in them: what logical replication does not carry, or carries badly.
-- Tables of extensions are left out everywhere, as pg_dump does.

--- check replica_identity
--- group     tables
--- title     Every table has a usable replica identity
--- on        source
--- severity  block
--- why       Once it is published, UPDATE and DELETE on it fail on the source, for the application.
--- remedy    Add a primary key (not DEFERRABLE), or ALTER TABLE ... REPLICA IDENTITY USING INDEX or FULL.
SELECT format('%I.%I', n.nspname, c.relname) AS object,
       CASE WHEN c.relreplident = 'n' THEN 'REPLICA IDENTITY NOTHING'
            WHEN c.relreplident = 'i' THEN 'its replica identity index is missing or invalid'
            WHEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND NOT i.indimmediate)
            THEN 'its primary key is DEFERRABLE'
            ELSE 'no primary key' END AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'p'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e')
   AND (c.relreplident = 'n'
     OR (c.relreplident = 'd' AND NOT EXISTS (
            SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid))
     OR (c.relreplident = 'i' AND NOT EXISTS (
            SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisvalid AND i.indimmediate)));

--- check unlogged_tables
--- group     tables
--- title     No table and no sequence is unlogged
--- on        source
--- severity  warn
--- why       Its rows are not replicated: on the target it will be empty.
--- remedy    Copy it by hand inside the window, or ALTER TABLE ... SET LOGGED before.
SELECT format('%I.%I', n.nspname, c.relname) AS object, 'unlogged' AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'S') AND c.relpersistence = 'u'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e');

--- check foreign_tables
--- group     tables
--- title     There are no foreign tables
--- on        source
--- severity  info
--- why       The target must reach what they point at; their user mappings hold passwords.
--- remedy    Try each of them on the target.
SELECT format('%I.%I', n.nspname, c.relname) AS object, 'foreign table' AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'f' AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e');

--- check materialized_views
--- group     tables
--- title     There are no materialized views
--- on        source
--- severity  info
--- why       They are not replicated: the runbook fills them once beforehand, and they are that old after the switch.
--- remedy    REFRESH MATERIALIZED VIEW on the target after the switch.
SELECT format('%I.%I', n.nspname, c.relname) AS object, 'materialized view' AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'm' AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e');

--- check large_objects
--- group     tables
--- title     There are no large objects
--- on        source
--- severity  block
--- why       They are not replicated, and up to 15 they can be written in a read-only transaction.
--- remedy    Copy them apart (pg_dump --blobs) with the application stopped, or move them to bytea.
SELECT 'large objects' AS object, count(*)::text AS detail
  FROM pg_largeobject_metadata HAVING count(*) > 0;

--- check with_oids
--- group     tables
--- title     No table is WITH OIDS
--- on        source
--- until     11
--- severity  block
--- why       12 and newer know no such tables: the schema can't be restored.
--- remedy    ALTER TABLE ... SET WITHOUT OIDS;
SELECT format('%I.%I', n.nspname, c.relname) AS object, 'WITH OIDS' AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relhasoids AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e');

--- check triggers_in_apply
--- group     tables
--- title     No trigger or rule fires in apply
--- on        target
--- severity  warn
--- why       ENABLE ALWAYS and ENABLE REPLICA fire for replicated rows: effects come twice, and unqualified names fail.
--- remedy    ALTER TABLE ... DISABLE TRIGGER on the target until the switch.
SELECT format('%s on %s', t.tgname, t.tgrelid::regclass) AS object, 'trigger' AS detail
  FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgenabled IN ('A', 'R')
UNION ALL
SELECT format('%s on %s', w.rulename, w.ev_class::regclass), 'rule'
  FROM pg_rewrite w WHERE w.ev_enabled IN ('A', 'R');

--- check identity_full
--- group     tables
--- title     No table is replicated by whole rows
--- on        source
--- severity  warn
--- why       For each changed row the target looks through the whole table (up to 15 always, later where no index helps): replication falls behind.
--- remedy    Add a primary key, then ALTER TABLE ... REPLICA IDENTITY DEFAULT;
SELECT format('%I.%I', n.nspname, c.relname) AS object, format('REPLICA IDENTITY FULL, %s rows', greatest(c.reltuples, 0)::bigint) AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relreplident = 'f'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e');

--- check no_equality
--- group     tables
--- title     Whole rows can be compared
--- on        source
--- severity  block
--- why       A json, xml or point column has no equality: the first UPDATE of such a row stops replication.
--- remedy    Add a primary key, then ALTER TABLE ... REPLICA IDENTITY DEFAULT; or make it jsonb.
SELECT format('%I.%I', n.nspname, c.relname) AS object,
       string_agg(format('%I is %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum) AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid AND t.typtype = 'b' AND t.typelem = 0
 WHERE c.relkind IN ('r', 'p') AND c.relreplident = 'f'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
                    WHERE m.amname IN ('btree', 'hash') AND o.opcdefault
                      AND (o.opcintype = t.oid OR EXISTS (
                              SELECT FROM pg_cast k WHERE k.castsource = t.oid AND k.casttarget = o.opcintype
                                 AND k.castmethod = 'b' AND k.castcontext = 'i')))
 GROUP BY n.nspname, c.relname;

--- check conflict_escapes
--- group     tables
--- title     ON CONFLICT can't slip past replication
--- on        source
--- severity  block
--- why       This minor version lets INSERT ... ON CONFLICT DO UPDATE change a table without identity, and the change is not replicated.
--- remedy    Update the source to 15.15, 16.11, 17.7 or later, or add a primary key.
SELECT format('%I.%I', n.nspname, c.relname) AS object, 'no identity, on ' || current_setting('server_version') AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'p'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e')
   AND c.relreplident IN ('n', 'd')
   AND (c.relreplident = 'n' OR NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate))
   AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique)
   AND (current_setting('server_version_num')::int < 150015
     OR current_setting('server_version_num')::int BETWEEN 160000 AND 160010
     OR current_setting('server_version_num')::int BETWEEN 170000 AND 170006);

--- check generated_columns
--- group     tables
--- title     No stored column is computed
--- on        source
--- since     12
--- severity  info
--- why       Their values are not sent but computed anew on the target, by the expression there: a function that has changed gives others.
--- remedy    Nothing, where the expression calls no function of yours.
SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname) AS object, 'generated' AS detail
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE a.attgenerated <> '' AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e');

--- check not_valid
--- group     tables
--- title     Every constraint holds for every row
--- on        source
--- severity  warn
--- why       A constraint that is NOT VALID says nothing about the old rows: nobody has looked at them.
--- remedy    ALTER TABLE ... VALIDATE CONSTRAINT ...;
SELECT format('%I of %I.%I', k.conname, n.nspname, c.relname) AS object, 'NOT VALID' AS detail
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT k.convalidated AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover');

--- check row_security
--- group     tables
--- title     No table hides rows
--- on        source
--- severity  info
--- why       Whoever copies or compares a table with row security without bypassing it sees a part, and takes it for all.
--- remedy    Let the roles of the console and of replication be superusers or have BYPASSRLS.
SELECT format('%I.%I', n.nspname, c.relname) AS object, CASE WHEN c.relforcerowsecurity THEN 'for its owner too' ELSE 'not for its owner' END AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relrowsecurity AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover');

--- check invalid_indexes
--- group     tables
--- title     No index of the source is invalid
--- on        source
--- severity  warn
--- why       It is the rest of a CREATE INDEX CONCURRENTLY that failed: the target would have it valid, or fail to build it.
--- remedy    DROP INDEX CONCURRENTLY ...; or REINDEX INDEX CONCURRENTLY ...;
SELECT format('%I.%I', n.nspname, c.relname) AS object, 'of ' || i.indrelid::regclass AS detail
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT (i.indisvalid AND i.indisready) AND c.relkind = 'i' AND n.nspname !~ '^pg_toast|^pg_catalog';

--- check target_invalid_indexes
--- group     target
--- title     No index of the target is invalid
--- on        target
--- severity  block
--- why       No query uses it, and a UNIQUE that is invalid lets doubles in.
--- remedy    REINDEX INDEX CONCURRENTLY ...; on the target.
SELECT format('%I.%I', n.nspname, c.relname) AS object, 'of ' || i.indrelid::regclass AS detail
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT (i.indisvalid AND i.indisready) AND c.relkind = 'i' AND n.nspname !~ '^pg_toast|^pg_catalog';

--- check reg_types
--- group     tables
--- title     No column holds the number of an object
--- on        source
--- severity  warn
--- why       A number of a table or a role means another one on the target; what travels as a name fails where the name is not there.
--- remedy    ALTER TABLE ... ALTER COLUMN ... TYPE text; with the name in it.
SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname) AS object, format_type(a.atttypid, a.atttypmod) AS detail
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
   AND a.atttypid = ANY (ARRAY (SELECT t.oid FROM pg_type t WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typname IN
       ('regproc', 'regprocedure', 'regoper', 'regoperator', 'regclass', 'regtype', 'regrole', 'regnamespace', 'regconfig',
        'regdictionary', 'regcollation', 'oid', 'xid', 'cid', 'aclitem')))
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e');

--- check old_types
--- group     tables
--- title     No column is of a type that is gone
--- on        source
--- until     11
--- severity  block
--- why       12 and newer have no abstime, reltime and tinterval: the schema can't be restored.
--- remedy    ALTER TABLE ... ALTER COLUMN ... TYPE timestamptz; (or interval)
SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname) AS object, format_type(a.atttypid, a.atttypmod) AS detail
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
   AND a.atttypid IN (SELECT t.oid FROM pg_type t WHERE t.typnamespace = 'pg_catalog'::regnamespace
                         AND t.typname IN ('abstime', 'reltime', 'tinterval'))
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover');

--- check postfix_operators
--- group     tables
--- title     No operator stands behind its operand
--- on        source
--- until     13
--- severity  block
--- why       14 and newer know no such operators: the schema can't be restored.
--- remedy    DROP OPERATOR ...; and call its function instead.
SELECT o.oid::regoperator::text AS object, 'postfix' AS detail
  FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
 WHERE o.oprright = 0 AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover');

--- check old_aggregates
--- group     tables
--- title     No aggregate is built on a function that has changed
--- on        source
--- until     13
--- severity  block
--- why       14 and newer declare array_append and its like for other types: an aggregate of yours on them can't be restored.
--- remedy    DROP AGGREGATE ...; and make it again for anycompatible on the target.
SELECT p.oid::regprocedure::text AS object, 'calls ' || a.aggtransfn::text AS detail
  FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND a.aggtransfn::oid IN ('array_append(anyarray,anyelement)'::regprocedure, 'array_cat(anyarray,anyarray)'::regprocedure,
                             'array_prepend(anyelement,anyarray)'::regprocedure);

--- check c_functions
--- group     tables
--- title     No function of yours is in a library
--- on        source
--- severity  warn
--- why       The library must be there for the target's version too, or the schema can't be restored.
--- remedy    Install the library for the target's version.
SELECT p.oid::regprocedure::text AS object, p.probin AS detail
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
 WHERE l.lanname = 'c' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid AND x.deptype IN ('e', 'i'));

--- check sequence_room
--- group     tables
--- title     No sequence comes to its end
--- on        source
--- severity  warn
--- why       When it is used up every INSERT fails; a large gap at the switch brings that day nearer.
--- remedy    ALTER SEQUENCE ... AS bigint; and the column too, on both sides.
SELECT format('%I.%I', s.schemaname, s.sequencename) AS object, format('%s of %s', s.last_value, s.max_value) AS detail, NULL AS lacks
  FROM pg_sequences s
 WHERE s.increment_by > 0 AND NOT s.cycle AND s.last_value > 0.75 * s.max_value
UNION ALL
SELECT format('%I.%I', s.schemaname, s.sequencename), NULL, 'SELECT or USAGE on the sequence ' || format('%I.%I', s.schemaname, s.sequencename)
  FROM pg_sequences s
 WHERE s.last_value IS NULL AND NOT has_sequence_privilege(format('%I.%I', s.schemaname, s.sequencename), 'SELECT, USAGE');

--- check temporary_tables
--- group     running work
--- title     No session keeps temporary tables
--- on        source
--- severity  info
--- why       They go with the session, and the freeze ends every session.
--- remedy    Let the job end before the window.
SELECT format('%I.%I', n.nspname, c.relname) AS object, pg_get_userbyid(c.relowner)::text AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relpersistence = 't' AND c.relkind = 'r';

--- check event_triggers
--- group     tables
--- title     No event trigger fires on the source
--- on        source
--- severity  warn
--- why       Our own DDL on the source (publication, subscription) fires it: one that refuses DDL stops the run.
--- remedy    ALTER EVENT TRIGGER ... DISABLE; for the time of the run.
SELECT e.evtname::text AS object, e.evtevent::text AS detail FROM pg_event_trigger e
 WHERE e.evtenabled <> 'D'
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_event_trigger'::regclass AND x.objid = e.oid AND x.deptype = 'e');

--- check target_event_triggers
--- group     target
--- title     No event trigger fires on the target
--- on        target
--- severity  warn
--- why       It fires for our own DDL, and from 17 on at each login.
--- remedy    ALTER EVENT TRIGGER ... DISABLE; until the switch.
SELECT e.evtname::text AS object, e.evtevent::text AS detail FROM pg_event_trigger e
 WHERE e.evtenabled <> 'D'
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_event_trigger'::regclass AND x.objid = e.oid AND x.deptype = 'e');

--- check cron
--- group     target
--- title     No scheduler runs jobs on the target
--- on        target
--- severity  block
--- why       pg_cron's jobs run as its own role, which the fence does not stop: they write on the target before the switch.
--- remedy    UPDATE cron.job SET active = false; on the target, until the switch.
-- asked by its own text: most databases have no such table
SELECT x.object, x.detail, NULL AS lacks
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL unnest(
           xpath('/table/row/name/text()', query_to_xml(format('SELECT ''job '' || jobid AS name FROM %I.%I WHERE active ORDER BY jobid', n.nspname, c.relname), true, false, ''))::text[],
           xpath('/table/row/schedule/text()', query_to_xml(format('SELECT schedule FROM %I.%I WHERE active ORDER BY jobid', n.nspname, c.relname), true, false, ''))::text[]) AS x (object, detail)
 WHERE n.nspname = 'cron' AND c.relname = 'job'
   AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
UNION ALL
SELECT 'cron.job', NULL, 'SELECT on cron.job'
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'cron' AND c.relname = 'job'
   AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'));

--- check source_cron
--- group     tables
--- title     No scheduler runs jobs on the source
--- on        source
--- severity  warn
--- why       Its jobs pass the freeze on the source, and are not on the target after the switch.
--- remedy    UPDATE cron.job SET active = false; before the window, and make them again on the target after it.
-- asked by its own text: most databases have no such table
SELECT x.object, x.detail, NULL AS lacks
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL unnest(
           xpath('/table/row/name/text()', query_to_xml(format('SELECT ''job '' || jobid AS name FROM %I.%I WHERE active ORDER BY jobid', n.nspname, c.relname), true, false, ''))::text[],
           xpath('/table/row/schedule/text()', query_to_xml(format('SELECT schedule FROM %I.%I WHERE active ORDER BY jobid', n.nspname, c.relname), true, false, ''))::text[]) AS x (object, detail)
 WHERE n.nspname = 'cron' AND c.relname = 'job'
   AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
UNION ALL
SELECT 'cron.job', NULL, 'SELECT on cron.job'
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'cron' AND c.relname = 'job'
   AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'));
