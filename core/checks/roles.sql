-- Roles and rights: what pg_dump of one database does not carry, and who may read what.

--- check roles_same
--- group     roles
--- title     Roles are the same on both sides
--- on        source
--- against   target
--- per       node
--- severity  block
--- why       A role that is missing can't log in, and takes its grants with it.
--- remedy    CREATE ROLE, ALTER ROLE on the target; the step `roles` makes those that are missing.
-- the servers' own first superuser may have another name
SELECT 'role ' || quote_ident(r.rolname) AS object,
       CASE WHEN r.rolcanlogin THEN 'yes' ELSE 'no' END AS login,
       CASE WHEN r.rolsuper THEN 'yes' ELSE 'no' END AS superuser,
       CASE WHEN r.rolcreaterole THEN 'yes' ELSE 'no' END AS createrole,
       CASE WHEN r.rolcreatedb THEN 'yes' ELSE 'no' END AS createdb,
       CASE WHEN r.rolreplication THEN 'yes' ELSE 'no' END AS replication,
       CASE WHEN r.rolbypassrls THEN 'yes' ELSE 'no' END AS bypassrls,
       CASE WHEN r.rolinherit THEN 'yes' ELSE 'no' END AS inherit,
       r.rolconnlimit::text AS "connection limit",
       extract(epoch FROM r.rolvaliduntil)::text AS "valid until"
  FROM pg_roles r WHERE r.rolname !~ '^pg_' AND r.oid >= 16384;

--- check memberships_same
--- group     roles
--- title     Memberships are the same on both sides
--- on        source
--- against   target
--- per       node
--- severity  block
--- why       A login that has its rights through a group loses them all.
--- remedy    GRANT ... TO ...; on the target.
SELECT format('%I in %I', m.rolname, g.rolname) AS object, bool_or(a.admin_option)::text AS admin
  FROM pg_auth_members a
  JOIN pg_roles g ON g.oid = a.roleid
  JOIN pg_roles m ON m.oid = a.member
 WHERE m.rolname !~ '^pg_'
   -- since 16 who makes a role gets it granted by itself
   AND NOT (a.admin_option AND m.rolsuper)
 GROUP BY m.rolname, g.rolname;

--- check passwords_same
--- group     roles
--- title     Passwords are of the same kind on both sides
--- on        source
--- against   target
--- per       node
--- severity  warn
--- privilege SELECT on pg_authid (a superuser's; providers don't give it)
--- why       A role without its password can't log in; one of another kind is refused where only scram is taken.
--- remedy    The step `passwords` brings those that are missing; else ALTER ROLE ... PASSWORD on the target.
SELECT 'role ' || quote_ident(a.rolname) AS object,
       CASE WHEN a.rolpassword IS NULL THEN 'none' WHEN a.rolpassword LIKE 'md5%' THEN 'md5'
            WHEN a.rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram' ELSE 'other' END AS password
  FROM pg_authid a WHERE a.rolcanlogin AND a.rolname !~ '^pg_' AND a.oid >= 16384;

--- check md5_passwords
--- group     roles
--- title     No password is kept as md5
--- on        source
--- per       node
--- severity  info
--- privilege SELECT on pg_authid (a superuser's; providers don't give it)
--- why       18 warns of each such login, and a later version will refuse it.
--- remedy    Set password_encryption = 'scram-sha-256' and let each role set its password again.
SELECT 'role ' || quote_ident(a.rolname) AS object, 'md5' AS detail
  FROM pg_authid a WHERE a.rolpassword LIKE 'md5%';

--- check replicator_source
--- group     roles
--- title     The role that replicates may read every table
--- on        source
--- severity  block
--- why       A table that it may not read is never copied, and only the target's log says so.
--- remedy    GRANT USAGE ON ALL its schemas and SELECT ON ALL TABLES IN SCHEMA ... TO the role named; ALTER ROLE ... REPLICATION BYPASSRLS LOGIN;
WITH r AS (SELECT * FROM pg_roles WHERE rolname = :'source_user')
SELECT format('%I.%I', n.nspname, c.relname) AS object,
       CASE WHEN NOT has_schema_privilege(r.oid, n.oid, 'USAGE') THEN r.rolname || ' has no USAGE on its schema'
            WHEN NOT has_table_privilege(r.oid, c.oid, 'SELECT') THEN r.rolname || ' has no SELECT'
            ELSE r.rolname || ' has no BYPASSRLS, and row security would hide rows' END AS detail
  FROM r, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover')
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass
                      AND x.objid = c.oid AND x.deptype = 'e')
   AND (NOT has_schema_privilege(r.oid, n.oid, 'USAGE') OR NOT has_table_privilege(r.oid, c.oid, 'SELECT')
        OR c.relrowsecurity AND NOT r.rolbypassrls AND NOT r.rolsuper
           AND (c.relforcerowsecurity OR NOT pg_has_role(r.oid, c.relowner, 'USAGE')))
UNION ALL
SELECT 'role ' || quote_ident(:'source_user'), v.lacks
  FROM (VALUES (1)) AS one (x) LEFT JOIN r ON true
 CROSS JOIN LATERAL (VALUES ('there is no such role', r.oid IS NOT NULL), ('no LOGIN', r.rolcanlogin),
                            ('no REPLICATION', r.rolreplication OR r.rolsuper)) AS v (lacks, has)
 WHERE NOT v.has;

--- check replicator_target
--- group     roles
--- title     The role of the way back may log in and replicate
--- on        target
--- per       node
--- severity  block
--- why       Without it the source can't connect for the way back, and that is found inside the window.
--- remedy    ALTER ROLE ... REPLICATION LOGIN; on the target.
WITH r AS (SELECT * FROM pg_roles WHERE rolname = :'target_user')
SELECT 'role ' || quote_ident(:'target_user') AS object, v.lacks AS detail
  FROM (VALUES (1)) AS one (x) LEFT JOIN r ON true
 CROSS JOIN LATERAL (VALUES ('there is no such role', r.oid IS NOT NULL), ('no LOGIN', r.rolcanlogin),
                            ('no REPLICATION', r.rolreplication OR r.rolsuper)) AS v (lacks, has)
 WHERE NOT v.has;

--- check apply_rights
--- group     roles
--- title     Row security does not stop the apply worker
--- on        target
--- severity  block
--- why       The owner of a subscription can't apply to a table with row security, unless it bypasses it: apply stops there again and again.
--- remedy    ALTER ROLE ... BYPASSRLS; for the subscription's owner, or let a superuser own it.
SELECT format('%I.%I', n.nspname, c.relname) AS object, format('row security, and %s has no BYPASSRLS', o.rolname) AS detail
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
  JOIN pg_roles o ON o.oid = s.subowner AND NOT o.rolsuper AND NOT o.rolbypassrls
 CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE s.subname = 'pgcutover' AND c.relkind IN ('r', 'p') AND c.relrowsecurity
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgcutover');
