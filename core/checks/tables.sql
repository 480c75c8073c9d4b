-- Tables, sequences and the schema: what logical replication does not carry, or carries badly.
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
 WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.relpersistence <> 't'
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
--- title     No table is unlogged
--- on        source
--- severity  warn
--- why       Its rows are not replicated: on the target it will be empty.
--- remedy    Copy it by hand inside the window, or ALTER TABLE ... SET LOGGED before.
SELECT format('%I.%I', n.nspname, c.relname) AS object, 'unlogged' AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'u' AND c.relpersistence <> 't'
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

--- check target_empty
--- group     schema
--- title     The target's database is empty
--- on        target
--- severity  block
--- why       The schema is restored as a whole: what is there already stops it.
--- remedy    Drop and create the database; or skip the copy if the schema is there already.
SELECT format('%I.%I', n.nspname, c.relname) AS object, 'exists already' AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e')
   -- with our own schema there, it is we who filled it
   AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'pgcutover');

--- check schema_same
--- group     schema
--- title     Tables and columns are the same on both sides
--- on        source
--- against   target
--- severity  block
--- why       DDL is not replicated: a column that only the source has stops apply, a table is passed over silently.
--- remedy    Run the same DDL on the target, then ALTER SUBSCRIPTION pgcutover REFRESH PUBLICATION.
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
SELECT object, detail FROM item;

--- check schema_details
--- group     schema
--- title     Indexes, constraints and functions are the same
--- on        source
--- against   target
--- severity  warn
--- why       Nothing breaks in replication, but the application may find a slow query or lose a rule.
--- remedy    Run the same DDL on the target.
WITH rel AS (
    SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.relkind
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                          AND x.objid = c.oid AND x.deptype = 'e'))
SELECT 'constraint ' || k.conname || ' of ' || r.name AS object, pg_get_constraintdef(k.oid) AS detail
  FROM rel r JOIN pg_constraint k ON k.conrelid = r.oid WHERE k.contype IN ('p', 'u', 'c', 'f', 'x')
UNION ALL
SELECT 'index ' || i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
       || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END
  FROM rel r JOIN pg_index i ON i.indrelid = r.oid WHERE r.relkind IN ('r', 'm')
UNION ALL
SELECT 'trigger ' || t.tgname || ' of ' || r.name, t.tgfoid::regproc::text || ' ' || t.tgtype::text
  FROM rel r JOIN pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'default of ' || r.name || '.' || quote_ident(a.attname), pg_get_expr(d.adbin, d.adrelid)
  FROM rel r JOIN pg_attrdef d ON d.adrelid = r.oid
  JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE r.relkind IN ('r', 'p')
UNION ALL
SELECT 'function ' || p.oid::regprocedure::text, md5(p.prosrc)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass
                      AND x.objid = p.oid AND x.deptype = 'e')
UNION ALL
SELECT 'enum ' || e.enumtypid::regtype::text, string_agg(e.enumlabel::text, ', ' ORDER BY e.enumsortorder)
  FROM pg_enum e GROUP BY e.enumtypid;

--- check sequences_alike
--- group     schema
--- title     Sequences have the same bounds on both sides
--- on        source
--- against   target
--- severity  block
--- why       A value that is out of bounds on the target stops the copy of all of them, inside the window.
--- remedy    ALTER SEQUENCE on the target.
SELECT format('%I.%I', n.nspname, c.relname) AS object,
       format('%s by %s, %s to %s%s', s.seqtypid::regtype, s.seqincrement, s.seqmin, s.seqmax,
              CASE WHEN s.seqcycle THEN ', cycles' ELSE '' END) AS detail
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e');

--- check statistics
--- group     schema
--- title     Every table of the target has been analyzed
--- on        target
--- severity  warn
--- why       Without statistics the first queries after the switch take the worst plans.
--- remedy    ANALYZE;
SELECT format('%I.%I', n.nspname, c.relname) AS object, 'never analyzed' AS detail
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND c.relpages = 0 AND pg_relation_size(c.oid) > 0 AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e')
   -- before rows are copied there is nothing to analyze
   AND EXISTS (SELECT FROM pg_subscription_rel);
