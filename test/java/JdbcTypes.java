import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Calendar;
import java.util.List;
import java.util.Properties;
import java.util.TimeZone;
import java.util.concurrent.Callable;

/** Binds a value of each type with its setter and reads it back; prints a line "step = result" for each. */
public final class JdbcTypes {
  private interface Setter {
    void set(PreparedStatement statement) throws Exception;
  }

  private static Connection connection;
  private static int tables = 0;

  private static int update(String sql, Setter setter) throws Exception {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      setter.set(statement);
      return statement.executeUpdate();
    }
  }

  private static String query(String sql, Setter setter) throws Exception {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      setter.set(statement);
      try (ResultSet set = statement.executeQuery()) {
        List<String> rows = new ArrayList<>();
        while (set.next()) {
          rows.add(set.getString(1));
        }
        return String.join("; ", rows);
      }
    }
  }

  /** Inserts a value and finds it again by comparison; then inserts a NULL and counts it. */
  private static void bind(String name, String type, int sqlType, Setter setter) {
    String table = "bound_" + tables++;
    JdbcWalk.step(name, () -> {
      try (Statement statement = connection.createStatement()) {
        statement.executeUpdate("CREATE TABLE " + table + " (x " + type + ")");
      }
      String insert = "INSERT INTO " + table + " VALUES (?)";
      update(insert, setter);
      update(insert, statement -> statement.setNull(1, sqlType));
      String found = query("SELECT x::VARCHAR FROM " + table + " WHERE x = ?", setter);
      return found + ", and " + query("SELECT count(*)::VARCHAR FROM " + table + " WHERE x IS NULL", statement -> {}) + " NULL";
    });
  }

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    properties.put("user", "anyone");
    properties.put("password", args[1]);
    properties.put("useEncryption", "false");
    connection = DriverManager.getConnection("jdbc:arrow-flight-sql://" + args[0], properties);
    Timestamp timestamp = Timestamp.valueOf("2024-01-02 03:04:05.678");
    String uuid = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
    bind("BOOLEAN", "BOOLEAN", Types.BOOLEAN, s -> s.setBoolean(1, true));
    bind("TINYINT", "TINYINT", Types.TINYINT, s -> s.setByte(1, (byte) -7));
    bind("SMALLINT", "SMALLINT", Types.SMALLINT, s -> s.setShort(1, (short) -700));
    bind("INTEGER", "INTEGER", Types.INTEGER, s -> s.setInt(1, -70_000));
    bind("BIGINT", "BIGINT", Types.BIGINT, s -> s.setLong(1, -7_000_000_000L));
    bind("UTINYINT", "UTINYINT", Types.TINYINT, s -> s.setByte(1, (byte) 7));
    bind("UINTEGER", "UINTEGER", Types.INTEGER, s -> s.setInt(1, 70_000));
    bind("UBIGINT", "UBIGINT", Types.BIGINT, s -> s.setLong(1, 7_000_000_000L));
    bind("HUGEINT", "HUGEINT", Types.DECIMAL, s -> s.setBigDecimal(1, new BigDecimal("-12345678901234567890123456789012345678")));
    bind("UHUGEINT", "UHUGEINT", Types.DECIMAL, s -> s.setBigDecimal(1, new BigDecimal("12345678901234567890123456789012345678")));
    bind("FLOAT", "FLOAT", Types.REAL, s -> s.setFloat(1, 1.5f));
    bind("DOUBLE", "DOUBLE", Types.DOUBLE, s -> s.setDouble(1, 0.1));
    bind("DECIMAL", "DECIMAL(9,2)", Types.DECIMAL, s -> s.setBigDecimal(1, new BigDecimal("-1234567.89")));
    bind("DECIMAL(38,10)", "DECIMAL(38,10)", Types.DECIMAL, s -> s.setBigDecimal(1, new BigDecimal("1234567890123456789012345678.0123456789")));
    bind("VARCHAR", "VARCHAR", Types.VARCHAR, s -> s.setString(1, "é, ✓ and ''"));
    bind("JSON", "JSON", Types.VARCHAR, s -> s.setString(1, "{\"a\":1}"));
    bind("BLOB", "BLOB", Types.VARBINARY, s -> s.setBytes(1, new byte[] {0, 65, -1}));
    bind("DATE", "DATE", Types.DATE, s -> s.setDate(1, Date.valueOf("2024-01-02")));
    bind("TIME", "TIME", Types.TIME, s -> s.setTime(1, Time.valueOf("03:04:05")));
    bind("TIME_NS by setString", "TIME_NS", Types.VARCHAR, s -> s.setString(1, "03:04:05.123456789"));
    bind("TIMETZ by setString", "TIMETZ", Types.VARCHAR, s -> s.setString(1, "03:04:05+02"));
    for (String type : new String[] {"TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_NS", "TIMESTAMP_MS"}) {
      bind(type, type, Types.TIMESTAMP, s -> s.setTimestamp(1, timestamp));
    }
    bind("TIMESTAMP_S", "TIMESTAMP_S", Types.TIMESTAMP, s -> s.setTimestamp(1, Timestamp.valueOf("2024-01-02 03:04:05")));
    bind("TIMESTAMPTZ with a calendar", "TIMESTAMPTZ", Types.TIMESTAMP, s -> s.setTimestamp(1, timestamp, Calendar.getInstance(TimeZone.getTimeZone("UTC"))));
    bind("UUID by setString", "UUID", Types.VARCHAR, s -> s.setString(1, uuid));
    bind("ENUM by setString", "ENUM ('low', 'high')", Types.VARCHAR, s -> s.setString(1, "high"));
    bind("INTERVAL by setString", "INTERVAL", Types.VARCHAR, s -> s.setString(1, "3 days 2 hours"));
    bind("BIT by setString", "BIT", Types.VARCHAR, s -> s.setString(1, "10101"));
    JdbcWalk.step("untyped", () -> query("SELECT (40 + ?)::VARCHAR", s -> s.setInt(1, 2)));
    JdbcWalk.step("untyped with a cast", () -> query("SELECT (40 + ?::BIGINT)::VARCHAR", s -> s.setInt(1, 2)));
    System.exit(0);
  }
}
