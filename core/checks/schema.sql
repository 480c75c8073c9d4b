-- The schema on both sides, kind by kind. Each column besides `object` is a property, compared by
-- itself: an offender names those that differ. Tables of extensions are left out, as pg_dump does.
-- Expressions are compared without casts and parentheses: a dump and a restore move them about.
-- Each major version writes views in its own way: they are compared without what differs by that.

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

--- check extensions_available
--- group     schema
--- title     The target's server has every extension of the source
--- on        target
--- severity  block
--- needs     variable source_extensions
--- why       The copy of the schema fails at the first extension whose files the target's server lacks.
--- remedy    Install its package on the target's server (most are in postgresql-contrib); no restart.
SELECT w.name AS object, 'no such extension on this server' AS detail
  FROM unnest(:'source_extensions'::text[]) AS w (name)
 WHERE w.name NOT IN (SELECT a.name::text FROM pg_available_extensions a);

--- check schema_same
--- group     schema
--- title     Tables, views and columns are the same
--- on        source
--- against   target
--- until     11
--- severity  block
--- why       DDL is not replicated: a column that only the source has stops apply, a table is passed over silently.
--- remedy    Run the same DDL on the other side, then ALTER SUBSCRIPTION pgcutover REFRESH PUBLICATION on the target.
WITH own AS (
    -- bounds and defaults are written the same way on both sides
    SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
           set_config('IntervalStyle', 'postgres', true)), rel AS (
    SELECT c.*, c.oid AS id, n.nspname, format('%I.%I', n.nspname, c.relname) AS name
      FROM own CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e'))
SELECT 'schema ' || quote_ident(n.nspname) AS object, 'schema' AS kind, NULL AS persistence, NULL AS "partition by",
       NULL AS partition, NULL AS "row security", NULL AS type, NULL AS "not null", NULL AS "default",
       NULL AS collation, NULL AS generated, NULL AS expression, NULL AS identity
  FROM pg_namespace n
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_namespace'::regclass
                      AND x.objid = n.oid AND x.deptype = 'e')
UNION ALL
SELECT c.name, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' END,
       c.relpersistence::text, pg_get_partkeydef(c.id),
       (SELECT string_agg(format('%s %s', i.inhparent::regclass, pg_get_expr(c.relpartbound, c.id)), ', ' ORDER BY i.inhseqno)
          FROM pg_inherits i WHERE i.inhrelid = c.id),
       CASE WHEN c.relforcerowsecurity THEN 'forced' WHEN c.relrowsecurity THEN 'on' END,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM rel c
UNION ALL
SELECT c.name || '.' || quote_ident(a.attname), 'column', NULL, NULL, NULL, NULL,
       format_type(a.atttypid, a.atttypmod),
       CASE WHEN a.attnotnull THEN 'not null' ELSE 'null' END,
       btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_expr(d.adbin, d.adrelid),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g')),
       CASE WHEN a.attcollation <> t.typcollation THEN (SELECT format('%I.%I', cn.nspname, co.collname) FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END,
       NULL,
       NULL,
       CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END
  FROM rel c
  JOIN pg_attribute a ON a.attrelid = c.id AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND c.relkind NOT IN ('v', 'm')
 WHERE c.relkind <> 'S';

--- check schema_same
--- since     12
WITH own AS (
    -- bounds and defaults are written the same way on both sides
    SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
           set_config('IntervalStyle', 'postgres', true)), rel AS (
    SELECT c.*, c.oid AS id, n.nspname, format('%I.%I', n.nspname, c.relname) AS name
      FROM own CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e'))
SELECT 'schema ' || quote_ident(n.nspname) AS object, 'schema' AS kind, NULL AS persistence, NULL AS "partition by",
       NULL AS partition, NULL AS "row security", NULL AS type, NULL AS "not null", NULL AS "default",
       NULL AS collation, NULL AS generated, NULL AS expression, NULL AS identity
  FROM pg_namespace n
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_namespace'::regclass
                      AND x.objid = n.oid AND x.deptype = 'e')
UNION ALL
SELECT c.name, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' END,
       c.relpersistence::text, pg_get_partkeydef(c.id),
       (SELECT string_agg(format('%s %s', i.inhparent::regclass, pg_get_expr(c.relpartbound, c.id)), ', ' ORDER BY i.inhseqno)
          FROM pg_inherits i WHERE i.inhrelid = c.id),
       CASE WHEN c.relforcerowsecurity THEN 'forced' WHEN c.relrowsecurity THEN 'on' END,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM rel c
UNION ALL
SELECT c.name || '.' || quote_ident(a.attname), 'column', NULL, NULL, NULL, NULL,
       format_type(a.atttypid, a.atttypmod),
       CASE WHEN a.attnotnull THEN 'not null' ELSE 'null' END,
       CASE WHEN a.attgenerated = '' THEN btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_expr(d.adbin, d.adrelid),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g')) END,
       CASE WHEN a.attcollation <> t.typcollation THEN (SELECT format('%I.%I', cn.nspname, co.collname) FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END,
       CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END,
       CASE WHEN a.attgenerated <> '' THEN btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_expr(d.adbin, d.adrelid),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g')) END,
       CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END
  FROM rel c
  JOIN pg_attribute a ON a.attrelid = c.id AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND c.relkind NOT IN ('v', 'm')
 WHERE c.relkind <> 'S';

--- check constraints_same
--- group     schema
--- title     Constraints are the same
--- on        source
--- against   target
--- until     10
--- severity  block
--- why       The application would write rows that its rules forbid, or meet errors it never met.
--- remedy    ALTER TABLE ... ADD, VALIDATE or DROP CONSTRAINT on the side that lacks.
WITH own AS (
    -- bounds and defaults are written the same way on both sides
    SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
           set_config('IntervalStyle', 'postgres', true)), rel AS (
    SELECT c.*, c.oid AS id, n.nspname, format('%I.%I', n.nspname, c.relname) AS name
      FROM own CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e'))
SELECT format('%I of %s', k.conname, c.name) AS object,
       CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'x' THEN 'exclusion' END AS type,
       CASE WHEN k.contype IN ('c', 'x') THEN btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_constraintdef(k.oid), '( NOT VALID| NOT ENFORCED| DEFERRABLE| INITIALLY DEFERRED)+$', ''),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g'))
            -- keys and references hold no expression
            ELSE regexp_replace(pg_get_constraintdef(k.oid), '( NOT VALID| NOT ENFORCED| DEFERRABLE| INITIALLY DEFERRED)+$', '') END AS definition,
       -- one that is inherited is as valid as its parent's: pg_dump brings it so
       CASE WHEN k.convalidated OR NOT k.conislocal THEN 'valid' ELSE 'NOT VALID' END AS valid,
       CASE WHEN k.condeferred THEN 'INITIALLY DEFERRED' WHEN k.condeferrable THEN 'DEFERRABLE' ELSE 'no' END AS deferrable
  FROM rel c JOIN pg_constraint k ON k.conrelid = c.id
 WHERE k.contype IN ('p', 'u', 'c', 'f', 'x');

--- check constraints_same
--- since     11
WITH own AS (
    -- bounds and defaults are written the same way on both sides
    SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
           set_config('IntervalStyle', 'postgres', true)), rel AS (
    SELECT c.*, c.oid AS id, n.nspname, format('%I.%I', n.nspname, c.relname) AS name
      FROM own CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e'))
SELECT format('%I of %s', k.conname, c.name) AS object,
       CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'x' THEN 'exclusion' END AS type,
       CASE WHEN k.contype IN ('c', 'x') THEN btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_constraintdef(k.oid), '( NOT VALID| NOT ENFORCED| DEFERRABLE| INITIALLY DEFERRED)+$', ''),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g'))
            -- keys and references hold no expression
            ELSE regexp_replace(pg_get_constraintdef(k.oid), '( NOT VALID| NOT ENFORCED| DEFERRABLE| INITIALLY DEFERRED)+$', '') END AS definition,
       -- one that is inherited is as valid as its parent's: pg_dump brings it so
       CASE WHEN k.convalidated OR NOT k.conislocal THEN 'valid' ELSE 'NOT VALID' END AS valid,
       CASE WHEN k.condeferred THEN 'INITIALLY DEFERRED' WHEN k.condeferrable THEN 'DEFERRABLE' ELSE 'no' END AS deferrable
  FROM rel c JOIN pg_constraint k ON k.conrelid = c.id
 WHERE k.contype IN ('p', 'u', 'c', 'f', 'x')
   AND k.conparentid = 0;

--- check indexes_same
--- group     schema
--- title     Indexes are the same
--- on        source
--- against   target
--- severity  block
--- why       A query that took a millisecond takes a minute after the switch; a lost UNIQUE lets doubles in.
--- remedy    CREATE INDEX (or REINDEX, where it is not valid) on the side that lacks.
WITH own AS (
    -- bounds and defaults are written the same way on both sides
    SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
           set_config('IntervalStyle', 'postgres', true)), rel AS (
    SELECT c.*, c.oid AS id, n.nspname, format('%I.%I', n.nspname, c.relname) AS name
      FROM own CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e'))
SELECT format('%I.%I', c.nspname, ic.relname) AS object,
       c.name AS "table",
       CASE WHEN i.indisvalid AND i.indisready THEN 'valid' ELSE 'invalid' END AS valid,
       CASE WHEN i.indisunique THEN 'UNIQUE' ELSE 'not unique' END AS "unique",
       btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_expr(i.indpred, i.indrelid),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g')) AS "where",
       btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_indexdef(i.indexrelid), '^.*? USING (.*?)( WHERE .*)?$', '\1'),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g')) AS definition
  FROM rel c
  JOIN pg_index i ON i.indrelid = c.id
  JOIN pg_class ic ON ic.oid = i.indexrelid;

--- check triggers_same
--- group     schema
--- title     Triggers and rules are the same
--- on        source
--- against   target
--- until     12
--- severity  block
--- why       A trigger that is missing or off stops writing the audit, the counters, the search index, and nobody sees it.
--- remedy    CREATE TRIGGER or ALTER TABLE ... ENABLE or DISABLE TRIGGER on the side that differs.
WITH own AS (
    -- bounds and defaults are written the same way on both sides
    SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
           set_config('IntervalStyle', 'postgres', true)), rel AS (
    SELECT c.*, c.oid AS id, n.nspname, format('%I.%I', n.nspname, c.relname) AS name
      FROM own CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e'))
SELECT format('trigger %I on %s', t.tgname, c.name) AS object,
       CASE t.tgenabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'A' THEN 'enabled always' WHEN 'R' THEN 'enabled for replicas' END AS state,
       btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_triggerdef(t.oid), ' EXECUTE PROCEDURE ', ' EXECUTE FUNCTION '),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g')) AS definition
  FROM rel c JOIN pg_trigger t ON t.tgrelid = c.id
 WHERE NOT t.tgisinternal
UNION ALL
SELECT format('rule %I on %s', w.rulename, c.name),
       CASE w.ev_enabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'A' THEN 'enabled always' WHEN 'R' THEN 'enabled for replicas' END,
       CASE w.ev_type WHEN '1' THEN 'select' WHEN '2' THEN 'update' WHEN '3' THEN 'insert' WHEN '4' THEN 'delete' END
  FROM rel c JOIN pg_rewrite w ON w.ev_class = c.id
 WHERE w.rulename <> '_RETURN';

--- check triggers_same
--- since     13
WITH own AS (
    -- bounds and defaults are written the same way on both sides
    SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
           set_config('IntervalStyle', 'postgres', true)), rel AS (
    SELECT c.*, c.oid AS id, n.nspname, format('%I.%I', n.nspname, c.relname) AS name
      FROM own CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e'))
SELECT format('trigger %I on %s', t.tgname, c.name) AS object,
       CASE t.tgenabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'A' THEN 'enabled always' WHEN 'R' THEN 'enabled for replicas' END AS state,
       btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_triggerdef(t.oid), ' EXECUTE PROCEDURE ', ' EXECUTE FUNCTION '),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g')) AS definition
  FROM rel c JOIN pg_trigger t ON t.tgrelid = c.id
 WHERE t.tgparentid = 0 AND NOT t.tgisinternal
UNION ALL
SELECT format('rule %I on %s', w.rulename, c.name),
       CASE w.ev_enabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'A' THEN 'enabled always' WHEN 'R' THEN 'enabled for replicas' END,
       CASE w.ev_type WHEN '1' THEN 'select' WHEN '2' THEN 'update' WHEN '3' THEN 'insert' WHEN '4' THEN 'delete' END
  FROM rel c JOIN pg_rewrite w ON w.ev_class = c.id
 WHERE w.rulename <> '_RETURN';

--- check policies_same
--- group     schema
--- title     Row security policies are the same
--- on        source
--- against   target
--- severity  block
--- why       Without its policy a user sees nothing, or sees the rows of others.
--- remedy    CREATE POLICY, ALTER POLICY or DROP POLICY on the side that differs.
WITH own AS (
    -- bounds and defaults are written the same way on both sides
    SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
           set_config('IntervalStyle', 'postgres', true)), rel AS (
    SELECT c.*, c.oid AS id, n.nspname, format('%I.%I', n.nspname, c.relname) AS name
      FROM own CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e'))
SELECT format('policy %I on %s', p.polname, c.name) AS object,
       CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END AS command,
       CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END AS kind,
       (SELECT string_agg(CASE WHEN u.oid = 0 THEN 'public' ELSE pg_get_userbyid(u.oid)::text END, ', '
                          ORDER BY CASE WHEN u.oid = 0 THEN 'public' ELSE pg_get_userbyid(u.oid)::text END)
          FROM unnest(p.polroles) AS u (oid)) AS roles,
       btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_expr(p.polqual, p.polrelid),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g')) AS "using",
       btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g')) AS "with check"
  FROM rel c JOIN pg_policy p ON p.polrelid = c.id;

--- check types_same
--- group     schema
--- title     Types and domains are the same
--- on        source
--- against   target
--- severity  block
--- why       An enum whose labels differ sorts differently, or refuses a value that the source sends.
--- remedy    ALTER TYPE ... ADD VALUE, ALTER DOMAIN on the side that lacks; the order of labels takes a new type.
SELECT format('type %I.%I', n.nspname, t.typname) AS object,
       CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite' WHEN 'r' THEN 'range' END AS kind,
       (SELECT string_agg(e.enumlabel::text, ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) AS labels,
       (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
          FROM pg_attribute a WHERE a.attrelid = t.typrelid AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped) AS attributes,
       CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS base,
       CASE WHEN t.typtype = 'd' AND t.typnotnull THEN 'not null' END AS "not null",
       btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(t.typdefault,
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g')) AS "default",
       (SELECT string_agg(format('%I %s', k.conname, btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_constraintdef(k.oid),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g'))), ', ' ORDER BY k.conname)
          FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c') AS constraints
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE t.typtype IN ('e', 'd', 'c', 'r')
   AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_type'::regclass
                      AND x.objid = t.oid AND x.deptype = 'e');

--- check functions_same
--- group     schema
--- title     Functions and procedures are the same
--- on        source
--- against   target
--- until     10
--- severity  block
--- why       The application would call yesterday's code after the switch.
--- remedy    CREATE OR REPLACE FUNCTION on the side that is behind.
SELECT format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) AS object,
       CASE WHEN p.proisagg THEN 'aggregate' WHEN p.proiswindow THEN 'window' ELSE 'function' END AS kind,
       'md5 ' || md5(p.prosrc) AS body,
       l.lanname::text AS language,
       p.prorettype::regtype::text || CASE WHEN p.proretset THEN ' set' ELSE '' END AS returns,
       CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility,
       CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END AS security,
       CASE WHEN p.proisstrict THEN 'yes' ELSE 'no' END AS strict,
       CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END AS parallel,
       array_to_string(p.proconfig, ', ') AS settings
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass
                      AND x.objid = p.oid AND x.deptype IN ('e', 'i'));

--- check functions_same
--- since     11
--- until     13
SELECT format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) AS object,
       CASE p.prokind WHEN 'a' THEN 'aggregate' WHEN 'w' THEN 'window' WHEN 'p' THEN 'procedure' ELSE 'function' END AS kind,
       'md5 ' || md5(p.prosrc) AS body,
       l.lanname::text AS language,
       p.prorettype::regtype::text || CASE WHEN p.proretset THEN ' set' ELSE '' END AS returns,
       CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility,
       CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END AS security,
       CASE WHEN p.proisstrict THEN 'yes' ELSE 'no' END AS strict,
       CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END AS parallel,
       array_to_string(p.proconfig, ', ') AS settings
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass
                      AND x.objid = p.oid AND x.deptype IN ('e', 'i'));

--- check functions_same
--- since     14
SELECT format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) AS object,
       CASE p.prokind WHEN 'a' THEN 'aggregate' WHEN 'w' THEN 'window' WHEN 'p' THEN 'procedure' ELSE 'function' END AS kind,
       'md5 ' || md5(CASE WHEN p.prosqlbody IS NULL THEN p.prosrc
                -- newer ones leave out what is not needed to tell columns apart
                ELSE regexp_replace(btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_function_sqlbody(p.oid),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g')), '([[:alpha:]_]\w*|("[^"]*")+)\.|\s+', '', 'g') END) AS body,
       l.lanname::text AS language,
       p.prorettype::regtype::text || CASE WHEN p.proretset THEN ' set' ELSE '' END AS returns,
       CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility,
       CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END AS security,
       CASE WHEN p.proisstrict THEN 'yes' ELSE 'no' END AS strict,
       CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END AS parallel,
       array_to_string(p.proconfig, ', ') AS settings
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass
                      AND x.objid = p.oid AND x.deptype IN ('e', 'i'));

--- check sequences_alike
--- group     schema
--- title     Sequences have the same parameters
--- on        source
--- against   target
--- severity  block
--- why       A value that is out of bounds on the target stops the copy of all of them, inside the window; another increment gives other ids.
--- remedy    ALTER SEQUENCE on the target.
SELECT format('%I.%I', n.nspname, c.relname) AS object,
       s.seqtypid::regtype::text AS type, 'by ' || s.seqincrement AS increment, s.seqmin::text AS min, s.seqmax::text AS max,
       s.seqstart::text AS start, s.seqcache::text AS cache, CASE WHEN s.seqcycle THEN 'yes' ELSE 'no' END AS cycle,
       (SELECT min(format('%s.%I', d.refobjid::regclass, a.attname))
          FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0) AS "owned by"
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e');

--- check owners_same
--- group     schema
--- title     Everything has the same owner
--- on        source
--- against   target
--- severity  warn
--- why       Only the owner may change a table: the next migration of the application fails.
--- remedy    ALTER ... OWNER TO on the target.
SELECT CASE c.relkind WHEN 'S' THEN 'sequence ' WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' ELSE 'table ' END
       || format('%I.%I', n.nspname, c.relname) AS object, pg_get_userbyid(c.relowner)::text AS owner
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e')
UNION ALL
-- 15 gave public to another owner
SELECT 'schema ' || quote_ident(n.nspname), pg_get_userbyid(n.nspowner)::text
  FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover') AND n.nspname <> 'public'
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_namespace'::regclass
                      AND x.objid = n.oid AND x.deptype = 'e')
UNION ALL
SELECT format('function %I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)), pg_get_userbyid(p.proowner)::text
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass
                      AND x.objid = p.oid AND x.deptype IN ('e', 'i'))
UNION ALL
SELECT format('type %I.%I', n.nspname, t.typname), pg_get_userbyid(t.typowner)::text
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE t.typtype IN ('e', 'd', 'r') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_type'::regclass
                      AND x.objid = t.oid AND x.deptype = 'e')
UNION ALL
SELECT 'database', pg_get_userbyid(d.datdba)::text FROM pg_database d WHERE d.datname = current_database();

--- check grants_same
--- group     roles
--- title     Grants are the same
--- on        source
--- against   target
--- severity  block
--- why       The application gets `permission denied` on its first query after the switch.
--- remedy    GRANT on the side that lacks; the step `schema` carries them over where the roles exist.
WITH item (object, grantor, grantee, privilege, grantable) AS (
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END || format('%I.%I', n.nspname, c.relname), g.*
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, c.relowner))) AS g
     WHERE g.grantee <> c.relowner AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e')
    UNION ALL
    SELECT 'column ' || format('%I.%I.%I', n.nspname, c.relname, a.attname), g.*
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL aclexplode(a.attacl) AS g
     WHERE g.grantee <> c.relowner AND a.attacl IS NOT NULL AND NOT a.attisdropped AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e')
    UNION ALL
    SELECT 'schema ' || quote_ident(n.nspname), g.*
      FROM pg_namespace n CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS g
     WHERE g.grantee <> n.nspowner AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_namespace'::regclass
                      AND x.objid = n.oid AND x.deptype = 'e')
    UNION ALL
    SELECT 'function ' || format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)), g.*
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS g
     WHERE g.grantee <> p.proowner AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass
                      AND x.objid = p.oid AND x.deptype IN ('e', 'i'))
    UNION ALL
    SELECT 'type ' || format('%I.%I', n.nspname, t.typname), g.*
      FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace CROSS JOIN LATERAL aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) AS g
     WHERE g.grantee <> t.typowner AND t.typtype IN ('e', 'd', 'r') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_type'::regclass
                      AND x.objid = t.oid AND x.deptype = 'e')
    UNION ALL
    SELECT 'database'::text, g.*
      FROM pg_database d CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS g
     WHERE g.grantee <> d.datdba AND d.datname = current_database()), granted AS (
    SELECT object, CASE WHEN grantee = 0 THEN 'public' ELSE pg_get_userbyid(grantee)::text END AS role,
           string_agg(lower(privilege) || CASE WHEN grantable THEN ' with grant option' ELSE '' END, ', '
                      ORDER BY privilege, grantable) AS privileges
      FROM item
     -- 17 has one more, which owners have by default
     WHERE privilege <> 'MAINTAIN'
     GROUP BY object, grantee)
SELECT object, string_agg(format('%s may %s', role, privileges), '; ' ORDER BY role) AS grants FROM granted GROUP BY object;

--- check default_privileges_same
--- group     roles
--- title     Default privileges are the same
--- on        source
--- against   target
--- severity  warn
--- why       Tables that the application makes after the switch can't be read by those who could before.
--- remedy    ALTER DEFAULT PRIVILEGES on the side that lacks.
SELECT format('%s of %s%s to %s',
              CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE d.defaclobjtype::text END,
              pg_get_userbyid(d.defaclrole), coalesce(' in ' || quote_ident(n.nspname), ''),
              CASE WHEN g.grantee = 0 THEN 'public' ELSE pg_get_userbyid(g.grantee)::text END) AS object,
       string_agg(lower(g.privilege_type), ', ' ORDER BY g.privilege_type) AS privileges
  FROM pg_default_acl d
  LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
 CROSS JOIN LATERAL aclexplode(d.defaclacl) AS g
 WHERE g.privilege_type <> 'MAINTAIN'
 GROUP BY d.defaclobjtype, d.defaclrole, n.nspname, g.grantee;

--- check views_same
--- group     schema
--- title     Views select the same
--- on        source
--- against   target
--- severity  warn
--- why       The application would see other rows through it.
--- remedy    CREATE OR REPLACE VIEW on the side that is behind.
WITH own AS (
    -- bounds and defaults are written the same way on both sides
    SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
           set_config('IntervalStyle', 'postgres', true)), rel AS (
    SELECT c.*, c.oid AS id, n.nspname, format('%I.%I', n.nspname, c.relname) AS name
      FROM own CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e'))
SELECT c.name AS object,
       -- newer ones leave out what is not needed to tell columns apart
       'md5 ' || md5(regexp_replace(btrim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(pg_get_viewdef(c.id),
                  '::(?:(?:"[^"]*")+|\w+)(?:\.(?:(?:"[^"]*")+|\w+))?(?: varying| precision)?(?:\([0-9, ]+\))?(?: with(?:out)? time zone)?(?:\[\])*', '', 'g'),
                  '[()\s]+', ' ', 'g'), ' *([][,]) *', '\1', 'g'), 'date_part ''(\w+)'',', 'EXTRACT \1 FROM ', 'g')), '([[:alpha:]_]\w*|("[^"]*")+)\.|\s+', '', 'g')) AS query,
       array_to_string(c.reloptions, ', ') AS options
  FROM rel c WHERE c.relkind IN ('v', 'm');

--- check ddl_since
--- group     schema
--- title     No DDL on the source since its schema was read
--- on        source
--- severity  block
--- needs     variable source_ddl
--- why       DDL is not replicated: what was changed in between is missing on the target, though nothing has failed yet.
--- remedy    Run the same DDL on the target; then run the step source_schema again, which reads the schema anew.
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
                          AND x.objid = p.oid AND x.deptype IN ('e', 'i')))
SELECT k.kind AS object, 'not as they were when the schema was read; the checks of schema say which, unless both sides have it' AS detail
  FROM unnest(ARRAY['tables', 'columns', 'constraints', 'indexes', 'triggers', 'policies', 'sequences', 'types', 'functions']) AS k (kind) LEFT JOIN ddl d ON d.kind = k.kind
 GROUP BY k.kind
HAVING k.kind || '=' || md5(coalesce(string_agg(d.line, E'\n' ORDER BY d.line COLLATE "C"), '')) <> ALL (string_to_array(:'source_ddl', ' '));

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
