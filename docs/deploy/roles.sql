-- Two roles on one PostgreSQL server: one that can only read the college, one that owns the analysis and sees nothing
-- else. For psql, as an administrator:
--   psql -v college=college -v analysis=edumetrics -v reader_password=... -v analysis_password=... -f roles.sql
-- `edumetrics check` proves the result.

CREATE ROLE edumetrics_reader LOGIN PASSWORD :'reader_password';
ALTER ROLE edumetrics_reader SET default_transaction_read_only = on;
CREATE ROLE edumetrics LOGIN PASSWORD :'analysis_password';
CREATE DATABASE :"analysis" OWNER edumetrics;

-- PostgreSQL lets every role connect everywhere unless told otherwise. Where other applications enter the college's
-- database without a grant of their own, GRANT CONNECT to their roles first.
REVOKE CONNECT, TEMPORARY ON DATABASE :"college" FROM PUBLIC;
REVOKE CONNECT ON DATABASE :"analysis" FROM PUBLIC;
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
REVOKE CONNECT ON DATABASE template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE :"college" TO edumetrics_reader;

\connect :college
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO edumetrics_reader;
-- Better still: only the tables that the mapping names, and of students every column but phone.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO edumetrics_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO edumetrics_reader;
