import { expect } from 'vitest'

/** The tables that JdbcWalk lists, by the statements that create them. */
export const walkedTables: readonly string[] = [
  'CREATE TABLE parent (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL)',
  'CREATE TABLE child (a INTEGER NOT NULL, b DECIMAL(9,2), parent_id INTEGER REFERENCES parent(id))',
  'CREATE VIEW v AS SELECT * FROM parent',
]

/** What the steps of JdbcWalk print with this version of the driver, in a JVM whose zone is New York. */
export function walkAnswers(version: string): Readonly<Record<string, unknown>> {
  return {
    valid: 'true',
    select: '42|x|2024-01-02|1.50|true',
    // Label, type, precision, scale, searchable, read-only, case-sensitive; the driver names types by their Arrow types.
    'result metadata':
      'd|DECIMAL|9|2|true|false|false; i|BIGINT|19|0|true|false|false; s|VARCHAR|0|0|true|false|true; b|BOOLEAN|0|0|true|false|false; h|DECIMAL|38|0|true|false|false',
    'prepared metadata': 'b|DECIMAL|9|2|true|false|false',
    sum: '45 45 45',
    'plain types':
      '170141183460469231731|6f9619ff-8b86-d011-b42d-00c04fc964ff|101|12:00:00+02|-123456789012345678901234567890|{"a":1}',
    'lossless types': 'BINARY',
    // The driver shows UTC; without a calendar it shifts the time by the JVM's zone, which is New York here.
    moment: '2024-01-02 03:04:05.0|2024-01-02 03:04:05.0|2024-01-02 08:04:05.0|2024-01-02 03:04:05.0',
    // Its Avatica 1.26 does not implement this getter for timestamps with a zone.
    'moment by number': version === '18.3.0' ? expect.stringContaining('not implemented') : '2024-01-02 08:04:05.0',
    'no rows': '',
    large: '44999850000',
    prepared: '42|y',
    create: '0',
    update: '2',
    'prepared update': '1',
    batch: '3',
    count: '6',
    'syntax error': expect.stringContaining('syntax error at or near "SELEC"'),
    'unknown table': expect.stringContaining('missing does not exist'),
    catalogs: 'demo',
    schemas: 'demo|main',
    tables: 'child|BASE TABLE; jdbc|BASE TABLE; parent|BASE TABLE; v|VIEW',
    views: 'v',
    'only tables': 'child; jdbc; parent',
    'pattern with a backslash at its end': '',
    'table types': 'BASE TABLE; VIEW',
    columns: 'a|4|INTEGER|10|0|NO; b|3|DECIMAL(9,2)|9|2|YES; parent_id|4|INTEGER|10|0|YES',
    'primary keys': 'parent|id|1',
    'imported keys': 'parent|id|child|parent_id',
    'exported keys': 'child|parent_id',
    'cross reference': 'parent|child',
    getters: '142 called, failed: []',
    product: 'flightgate false " 0',
    keywords: 'true',
    converts: 'true',
    'catalog property': expect.stringMatching(/ 7$/),
  }
}

/** The bound, stored and retrieved values by type; local times are in the JVM's zone, New York. */
const bound = {
  BOOLEAN: 'true',
  TINYINT: '-7',
  SMALLINT: '-700',
  INTEGER: '-70000',
  BIGINT: '-7000000000',
  UTINYINT: '7',
  UINTEGER: '70000',
  UBIGINT: '7000000000',
  HUGEINT: '-12345678901234567890123456789012345678',
  UHUGEINT: '12345678901234567890123456789012345678',
  FLOAT: '1.5',
  DOUBLE: '0.1',
  DECIMAL: '-1234567.89',
  'DECIMAL(38,10)': '1234567890123456789012345678.0123456789',
  VARCHAR: "é, ✓ and ''",
  JSON: '{"a":1}',
  BLOB: '\\x00A\\xFF',
  DATE: '2024-01-02',
  TIME: '03:04:05',
  'TIME_NS by setString': '03:04:05.123456789',
  'TIMETZ by setString': '03:04:05+02',
  TIMESTAMP: '2024-01-02 03:04:05.678',
  // The driver sends the local time, not the instant, unless it gets a calendar.
  TIMESTAMPTZ: '2024-01-02 03:04:05.678+00',
  'TIMESTAMPTZ with a calendar': '2024-01-02 08:04:05.678+00',
  TIMESTAMP_NS: '2024-01-02 03:04:05.678',
  TIMESTAMP_MS: '2024-01-02 03:04:05.678',
  TIMESTAMP_S: '2024-01-02 03:04:05',
  'UUID by setString': '6f9619ff-8b86-d011-b42d-00c04fc964ff',
  'ENUM by setString': 'high',
  'INTERVAL by setString': '3 days 02:00:00',
  'BIT by setString': '10101',
}

/** What JdbcTypes prints. */
export const typesAnswers: Readonly<Record<string, unknown>> = {
  ...Object.fromEntries(Object.entries(bound).map(([type, value]) => [type, `${value}, and 1 NULL`])),
  untyped: expect.stringContaining('FAILED'),
  'untyped with a cast': '42',
}
