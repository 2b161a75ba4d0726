/** A statement as people write it, on the tables of `test/fakes/bigquery/tpch-tables.ts`. */
export interface TypicalStatement {
  readonly about: string
  readonly sql: string
}

/** Statements of reports and notebooks, good ones among them. */
export const typicalStatements: readonly TypicalStatement[] = [
  {
    about: 'revenue of a year, by EXTRACT',
    sql: 'SELECT l_shipmode, SUM(l_extendedprice * (1 - l_discount)) FROM tpch.lineitem WHERE EXTRACT(YEAR FROM l_shipdate) = 1995 GROUP BY l_shipmode',
  },
  {
    about: 'a month, by FORMAT_DATE',
    sql: "SELECT l_returnflag, COUNT(*) FROM tpch.lineitem WHERE FORMAT_DATE('%Y-%m', l_shipdate) = '1995-03' GROUP BY 1",
  },
  {
    about: 'a year, as a text',
    sql: "SELECT o_orderpriority, SUM(o_totalprice) FROM tpch.orders WHERE CAST(o_orderdate AS STRING) LIKE '1996-%' GROUP BY o_orderpriority",
  },
  {
    about: 'a month, by DATE_TRUNC',
    sql: "SELECT o_custkey, SUM(o_totalprice) FROM tpch.orders WHERE DATE_TRUNC(o_orderdate, MONTH) = '1996-05-01' GROUP BY o_custkey",
  },
  {
    about: 'the last 30 days before a date, by DATE_ADD',
    sql: "SELECT o_orderkey, o_totalprice FROM tpch.orders WHERE DATE_ADD(o_orderdate, INTERVAL 30 DAY) >= DATE '1998-12-31'",
  },
  {
    about: 'the last 60 days before a date, by DATE_DIFF',
    sql: "SELECT o_orderpriority, COUNT(*) FROM tpch.orders WHERE DATE_DIFF(DATE '1998-12-31', o_orderdate, DAY) <= 60 GROUP BY 1",
  },
  {
    about: 'dates with a default',
    sql: "SELECT SUM(l_quantity) FROM tpch.lineitem WHERE COALESCE(l_shipdate, DATE '1900-01-01') >= DATE '1998-06-01'",
  },
  {
    about: 'TPC-H Q3, with years as numbers',
    sql: "SELECT l.l_orderkey, SUM(l.l_extendedprice * (1 - l.l_discount)) AS revenue\nFROM tpch.customer c\nJOIN tpch.orders o ON c.c_custkey = o.o_custkey\nJOIN tpch.lineitem l ON l.l_orderkey = o.o_orderkey\nWHERE c.c_mktsegment = 'BUILDING'\n  AND EXTRACT(YEAR FROM o.o_orderdate) = 1995 -- orders of 1995\n  AND EXTRACT(YEAR FROM l.l_shipdate) >= 1995\nGROUP BY l.l_orderkey ORDER BY revenue DESC LIMIT 10",
  },
  {
    about: 'the first order of each customer and day, filtered outside',
    sql: "SELECT o_custkey, o_orderkey FROM (\n  SELECT o_custkey, o_orderkey, o_orderdate, ROW_NUMBER() OVER (PARTITION BY o_custkey, o_orderdate ORDER BY o_orderkey) AS n FROM tpch.orders\n) WHERE o_orderdate >= '1998-01-01' AND n = 1",
  },
  {
    about: 'sums by day, filtered outside by FORMAT_DATE',
    sql: "WITH days AS (SELECT l_shipdate, SUM(l_extendedprice) AS revenue FROM tpch.lineitem GROUP BY l_shipdate)\nSELECT * FROM days WHERE FORMAT_DATE('%Y%m', l_shipdate) = '199712'",
  },
  {
    about: 'a week of shards, by PARSE_DATE',
    sql: "SELECT event_name, COUNT(*) FROM `web.events_*` WHERE PARSE_DATE('%Y%m%d', _TABLE_SUFFIX) BETWEEN '2024-03-01' AND '2024-03-07' GROUP BY 1",
  },
  {
    about: 'shards since a day, as numbers',
    sql: 'SELECT user_id, payload FROM `web.events_*` WHERE CAST(_TABLE_SUFFIX AS INT64) >= 20240325',
  },
  {
    about: 'a month of shards, by SUBSTR',
    sql: "SELECT page, COUNT(DISTINCT user_id) FROM `web.events_*` WHERE SUBSTR(_TABLE_SUFFIX, 1, 6) = '202402' GROUP BY page",
  },
  {
    about: 'all shards',
    sql: "SELECT event_name FROM `web.events_*` WHERE page = '/pricing'",
  },
  {
    about: 'shards, well limited',
    sql: "SELECT user_id FROM `web.events_*` WHERE _TABLE_SUFFIX BETWEEN '20240301' AND '20240331'",
  },
  { about: 'a look at a table', sql: 'SELECT * FROM tpch.lineitem LIMIT 100' },
  { about: 'all columns of an order', sql: 'SELECT * FROM tpch.orders WHERE o_orderkey = 4711' },
  {
    about: 'a WITH query with SELECT *, of which two columns are used',
    sql: "WITH recent AS (SELECT DISTINCT * FROM tpch.orders WHERE o_orderdate >= '1998-01-01')\nSELECT o_custkey, SUM(o_totalprice) FROM recent GROUP BY o_custkey",
  },
  {
    about: 'the newest partition, by a subquery',
    sql: 'SELECT COUNT(DISTINCT l_orderkey) FROM tpch.lineitem WHERE l_shipdate = (SELECT MAX(l_shipdate) FROM tpch.lineitem)',
  },
  {
    about: 'TPC-H Q1, as it is',
    sql: "SELECT l_returnflag, l_linestatus, SUM(l_quantity), AVG(l_discount), COUNT(*) FROM tpch.lineitem WHERE l_shipdate <= DATE_SUB(DATE '1998-12-01', INTERVAL 90 DAY) GROUP BY 1, 2 ORDER BY 1, 2",
  },
  {
    about: 'TPC-H Q6, as it is',
    sql: "SELECT SUM(l_extendedprice * l_discount) FROM tpch.lineitem WHERE l_shipdate >= '1994-01-01' AND l_shipdate < '1995-01-01' AND l_discount BETWEEN 0.05 AND 0.07",
  },
  {
    about: 'a day of logs, by DATE',
    sql: "SELECT severity, COUNT(*) FROM web.logs WHERE DATE(_PARTITIONTIME) = '2024-03-15' GROUP BY severity",
  },
  {
    about: 'customers by segment',
    sql: "SELECT c_mktsegment, COUNT(*) FROM tpch.customer WHERE REGEXP_CONTAINS(c_name, r'^Customer') GROUP BY 1",
  },
  {
    about: 'parts and their suppliers',
    sql: 'SELECT p.p_name, MIN(ps.ps_supplycost) FROM tpch.part p JOIN tpch.partsupp ps ON p.p_partkey = ps.ps_partkey GROUP BY p.p_name',
  },
  {
    about: 'rows of a view, by year',
    sql: 'SELECT SUM(l_extendedprice) FROM tpch.shipped WHERE EXTRACT(YEAR FROM l_shipdate) = 1997',
  },
]
