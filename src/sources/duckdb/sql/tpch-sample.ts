/*
 * Sample data with the tables, columns, types, keys and proportions of TPC-H, made by SQL. Values come from hashes of the
 * keys: the same at every start, but not those of TPC's own generator.
 * Source: https://www.tpc.org/tpc_documents_current_versions/pdf/tpc-h_v3.0.1.pdf, section 1.4 (tables) and 4.2 (data).
 */

const LAST_ORDER_DAY = 2405 // days from 1992-01-01 to 1998-08-02
const CURRENT_DATE = "DATE '1995-06-17'"

/** A number from 0 to n - 1 that depends on the key expressions. */
const pick = (n: number | string, ...keys: (string | number)[]): string => `(hash(${keys.join(', ')}) % (${n}))::BIGINT`
const word = (words: readonly string[], ...keys: (string | number)[]): string =>
  `([${words.map((each) => `'${each}'`).join(', ')}])[1 + ${pick(words.length, ...keys)}]`

const regions = ['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST']
const nations: readonly (readonly [string, number])[] = [
  ['ALGERIA', 0],
  ['ARGENTINA', 1],
  ['BRAZIL', 1],
  ['CANADA', 1],
  ['EGYPT', 4],
  ['ETHIOPIA', 0],
  ['FRANCE', 3],
  ['GERMANY', 3],
  ['INDIA', 2],
  ['INDONESIA', 2],
  ['IRAN', 4],
  ['IRAQ', 4],
  ['JAPAN', 2],
  ['JORDAN', 4],
  ['KENYA', 0],
  ['MOROCCO', 0],
  ['MOZAMBIQUE', 0],
  ['PERU', 1],
  ['CHINA', 2],
  ['ROMANIA', 3],
  ['SAUDI ARABIA', 4],
  ['VIETNAM', 2],
  ['RUSSIA', 3],
  ['UNITED KINGDOM', 3],
  ['UNITED STATES', 1],
]
const segments = ['AUTOMOBILE', 'BUILDING', 'FURNITURE', 'HOUSEHOLD', 'MACHINERY']
const priorities = ['1-URGENT', '2-HIGH', '3-MEDIUM', '4-NOT SPECIFIED', '5-LOW']
const shipModes = ['AIR', 'FOB', 'MAIL', 'RAIL', 'REG AIR', 'SHIP', 'TRUCK']
const instructions = ['COLLECT COD', 'DELIVER IN PERSON', 'NONE', 'TAKE BACK RETURN']
const colors = [
  'almond',
  'azure',
  'blush',
  'chiffon',
  'cornsilk',
  'forest',
  'green',
  'honeydew',
  'ivory',
  'linen',
  'navy',
  'peru',
]
const typeSizes = ['ECONOMY', 'LARGE', 'MEDIUM', 'PROMO', 'SMALL', 'STANDARD']
const typeFinishes = ['ANODIZED', 'BRUSHED', 'BURNISHED', 'PLATED', 'POLISHED']
const typeMetals = ['BRASS', 'COPPER', 'NICKEL', 'STEEL', 'TIN']
const containerSizes = ['JUMBO', 'LG', 'MED', 'SM', 'WRAP']
const containers = ['BAG', 'BOX', 'CAN', 'CASE', 'DRUM', 'JAR', 'PACK', 'PKG']
const adverbs = ['carefully', 'quickly', 'slyly', 'blithely', 'furiously', 'fluffily']
const nouns = ['deposits', 'requests', 'accounts', 'packages', 'theodolites', 'ideas', 'pinto beans', 'platelets']
const verbs = ['sleep', 'haggle', 'nag', 'wake', 'cajole', 'detect', 'integrate', 'boost']

const comment = (key: string): string =>
  `${word(adverbs, key, 91)} || ' ' || ${word(nouns, key, 92)} || ' ' || ${word(verbs, key, 93)}`
const phone = (nation: string, key: string): string =>
  `format('{}-{:03d}-{:03d}-{:04d}', ${nation} + 10, 100 + ${pick(900, key, 81)}, 100 + ${pick(900, key, 82)}, 1000 + ${pick(9000, key, 83)})`
const balance = (key: string): string => `((${pick(1_099_999, key, 71)} - 99999) / 100.0)::DECIMAL(15,2)`
const values = (rows: readonly (readonly (string | number)[])[]): string =>
  rows.map((row) => `(${row.map((cell) => (typeof cell === 'number' ? cell : `'${cell}'`)).join(', ')})`).join(', ')

/** The statements that make the eight tables at a scale factor; 1 means six million rows of lineitem. */
export function tpchSample(scale: number): string[] {
  const suppliers = Math.max(100, Math.round(10_000 * scale))
  const parts = Math.max(200, Math.round(200_000 * scale))
  const customers = Math.max(150, Math.round(150_000 * scale))
  const orders = customers * 10
  // The four suppliers of a part, as section 4.2.3 spreads them.
  const supplierOf = (part: string, i: string) =>
    `((${part} + ${i} * (${suppliers} // 4 + (${part} - 1) // ${suppliers})) % ${suppliers} + 1)`
  const price = (part: string) => `((90000 + (${part} // 10) % 20001 + 100 * (${part} % 1000)) / 100.0)::DECIMAL(15,2)`
  return [
    `CREATE TABLE region AS SELECT r_regionkey::INTEGER AS r_regionkey, r_name, ${comment('r_regionkey')} AS r_comment
     FROM (VALUES ${values(regions.map((name, key) => [key, name]))}) t(r_regionkey, r_name)`,
    `CREATE TABLE nation AS SELECT n_nationkey::INTEGER AS n_nationkey, n_name, n_regionkey::INTEGER AS n_regionkey,
       ${comment('n_nationkey')} AS n_comment
     FROM (VALUES ${values(nations.map(([name, region], key) => [key, name, region]))}) t(n_nationkey, n_name, n_regionkey)`,
    `CREATE TABLE supplier AS SELECT k AS s_suppkey, format('Supplier#{:09d}', k) AS s_name,
       substr(md5(k::VARCHAR), 1, 10 + ${pick(15, 'k', 1)}::INTEGER) AS s_address, ${pick(25, 'k', 2)}::INTEGER AS s_nationkey,
       ${phone(pick(25, 'k', 2), 'k')} AS s_phone, ${balance('k')} AS s_acctbal, ${comment('k')} AS s_comment
     FROM (SELECT range + 1 AS k FROM range(${suppliers}))`,
    `CREATE TABLE customer AS SELECT k AS c_custkey, format('Customer#{:09d}', k) AS c_name,
       substr(md5(k::VARCHAR), 1, 10 + ${pick(15, 'k', 11)}::INTEGER) AS c_address, ${pick(25, 'k', 12)}::INTEGER AS c_nationkey,
       ${phone(pick(25, 'k', 12), 'k')} AS c_phone, ${balance('k')} AS c_acctbal, ${word(segments, 'k', 13)} AS c_mktsegment,
       ${comment('k')} AS c_comment
     FROM (SELECT range + 1 AS k FROM range(${customers}))`,
    `CREATE TABLE part AS SELECT k AS p_partkey,
       ${word(colors, 'k', 21)} || ' ' || ${word(colors, 'k', 22)} || ' ' || ${word(colors, 'k', 23)} AS p_name,
       format('Manufacturer#{}', 1 + ${pick(5, 'k', 24)}) AS p_mfgr,
       format('Brand#{}{}', 1 + ${pick(5, 'k', 24)}, 1 + ${pick(5, 'k', 25)}) AS p_brand,
       ${word(typeSizes, 'k', 26)} || ' ' || ${word(typeFinishes, 'k', 27)} || ' ' || ${word(typeMetals, 'k', 28)} AS p_type,
       (1 + ${pick(50, 'k', 29)})::INTEGER AS p_size,
       ${word(containerSizes, 'k', 30)} || ' ' || ${word(containers, 'k', 31)} AS p_container,
       ${price('k')} AS p_retailprice, ${comment('k')} AS p_comment
     FROM (SELECT range + 1 AS k FROM range(${parts}))`,
    `CREATE TABLE partsupp AS SELECT k AS ps_partkey, ${supplierOf('k', 'i')} AS ps_suppkey,
       (1 + ${pick(9999, 'k', 'i', 41)})::BIGINT AS ps_availqty,
       ((100 + ${pick(99_901, 'k', 'i', 42)}) / 100.0)::DECIMAL(15,2) AS ps_supplycost, ${comment('k + i')} AS ps_comment
     FROM (SELECT range + 1 AS k FROM range(${parts})), (SELECT range AS i FROM range(4))`,
    `CREATE TABLE lineitem AS
     SELECT l_orderkey, l_partkey, l_suppkey, l_linenumber, l_quantity, l_extendedprice, l_discount, l_tax,
       CASE WHEN l_receiptdate > ${CURRENT_DATE} THEN 'N' WHEN ${pick(2, 'l_orderkey', 'l_linenumber', 51)} = 0 THEN 'R' ELSE 'A' END AS l_returnflag,
       CASE WHEN l_shipdate > ${CURRENT_DATE} THEN 'O' ELSE 'F' END AS l_linestatus,
       l_shipdate, l_commitdate, l_receiptdate, ${word(instructions, 'l_orderkey', 'l_linenumber', 52)} AS l_shipinstruct,
       ${word(shipModes, 'l_orderkey', 'l_linenumber', 53)} AS l_shipmode, ${comment('l_orderkey + l_linenumber')} AS l_comment
     FROM (
       SELECT *, (l_quantity * ${price('l_partkey')})::DECIMAL(15,2) AS l_extendedprice,
         ${supplierOf('l_partkey', pick(4, 'l_orderkey', 'l_linenumber', 54))} AS l_suppkey,
         (l_shipdate + (1 + ${pick(30, 'l_orderkey', 'l_linenumber', 55)})::INTEGER) AS l_receiptdate
       FROM (
         SELECT n // 8 * 32 + n % 8 + 1 AS l_orderkey, line AS l_linenumber,
           1 + ${pick(parts, 'n', 'line', 56)} AS l_partkey,
           (1 + ${pick(50, 'n', 'line', 57)})::DECIMAL(15,2) AS l_quantity,
           (${pick(11, 'n', 'line', 58)} / 100.0)::DECIMAL(15,2) AS l_discount,
           (${pick(9, 'n', 'line', 59)} / 100.0)::DECIMAL(15,2) AS l_tax,
           day + (1 + ${pick(121, 'n', 'line', 60)})::INTEGER AS l_shipdate,
           day + (30 + ${pick(61, 'n', 'line', 61)})::INTEGER AS l_commitdate
         FROM (SELECT range AS n, DATE '1992-01-01' + ${pick(LAST_ORDER_DAY, 'range', 62)}::INTEGER AS day FROM range(${orders})),
           (SELECT range + 1 AS line FROM range(7))
         WHERE line <= 1 + ${pick(7, 'n', 63)}
       )
     )
     ORDER BY l_orderkey, l_linenumber`,
    `CREATE TABLE orders AS
     SELECT o_orderkey, o_custkey, CASE WHEN open = 0 THEN 'F' WHEN open = lines THEN 'O' ELSE 'P' END AS o_orderstatus,
       total::DECIMAL(15,2) AS o_totalprice, o_orderdate, ${word(priorities, 'n', 64)} AS o_orderpriority,
       format('Clerk#{:09d}', 1 + ${pick(Math.max(1, Math.round(1000 * scale)), 'n', 65)}) AS o_clerk, 0::INTEGER AS o_shippriority,
       ${comment('n')} AS o_comment
     FROM (
       SELECT range AS n, range // 8 * 32 + range % 8 + 1 AS o_orderkey,
         DATE '1992-01-01' + ${pick(LAST_ORDER_DAY, 'range', 62)}::INTEGER AS o_orderdate,
         ${pick(Math.floor(customers / 3), 'range', 66)} * 3 + 1 + ${pick(2, 'range', 67)} AS o_custkey
       FROM range(${orders})
     ) JOIN (
       SELECT l_orderkey, count(*) AS lines, count(*) FILTER (l_linestatus = 'O') AS open,
         sum(l_extendedprice * (1 + l_tax) * (1 - l_discount)) AS total
       FROM lineitem GROUP BY l_orderkey
     ) ON l_orderkey = o_orderkey
     ORDER BY o_orderkey`,
  ]
}
