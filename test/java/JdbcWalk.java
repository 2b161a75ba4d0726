import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Calendar;
import java.util.List;
import java.util.Properties;
import java.util.TimeZone;
import java.util.concurrent.Callable;

/** Walks through a Flight SQL endpoint with the JDBC driver; prints a line "step = result" for each step. */
public final class JdbcWalk {
  static void step(String name, Callable<Object> work) {
    String result;
    try {
      result = String.valueOf(work.call());
    } catch (Throwable error) {
      result = "FAILED " + error;
    }
    System.out.println(name + " = " + result.replace("\n", "\\n"));
  }

  static String rows(ResultSet set) throws Exception {
    try (set) {
      return read(set);
    }
  }

  private static String read(ResultSet set) throws Exception {
    ResultSetMetaData meta = set.getMetaData();
    List<String> rows = new ArrayList<>();
    while (set.next()) {
      List<String> row = new ArrayList<>();
      for (int i = 1; i <= meta.getColumnCount(); i++) {
        row.add(String.valueOf(set.getObject(i)));
      }
      rows.add(String.join("|", row));
    }
    return String.join("; ", rows);
  }

  private static String describe(ResultSetMetaData meta) throws Exception {
    List<String> columns = new ArrayList<>();
    for (int i = 1; i <= meta.getColumnCount(); i++) {
      columns.add(meta.getColumnLabel(i) + "|" + meta.getColumnTypeName(i) + "|" + meta.getPrecision(i) + "|" + meta.getScale(i) + "|" + meta.isSearchable(i) + "|" + meta.isReadOnly(i) + "|" + meta.isCaseSensitive(i));
    }
    return String.join("; ", columns);
  }

  static String columns(ResultSet set, String... names) throws Exception {
    try (set) {
      return read(set, names);
    }
  }

  private static String read(ResultSet set, String[] names) throws Exception {
    List<String> rows = new ArrayList<>();
    while (set.next()) {
      List<String> row = new ArrayList<>();
      for (String name : names) {
        row.add(String.valueOf(set.getObject(name)));
      }
      rows.add(String.join("|", row));
    }
    return String.join("; ", rows);
  }

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    properties.put("user", "anyone");
    properties.put("password", args[1]);
    properties.put("useEncryption", "false");
    try (Connection connection = DriverManager.getConnection("jdbc:arrow-flight-sql://" + args[0], properties);
        Statement statement = connection.createStatement()) {
      step("valid", () -> connection.isValid(5));
      step("select", () -> rows(statement.executeQuery("SELECT 42 AS a, 'x' AS b, DATE '2024-01-02' AS d, 1.5::DECIMAL(9,2) AS e, true AS f")));
      step("result metadata", () -> {
        try (ResultSet set = statement.executeQuery("SELECT 1::DECIMAL(9,2) AS d, 2::BIGINT AS i, 'x' AS s, true AS b, 3::HUGEINT AS h")) {
          return describe(set.getMetaData());
        }
      });
      step("prepared metadata", () -> {
        try (PreparedStatement prepared = connection.prepareStatement("SELECT b FROM child WHERE a = ?")) {
          return describe(prepared.getMetaData());
        }
      });
      step("sum", () -> {
        try (ResultSet set = statement.executeQuery("SELECT sum(range) AS s FROM range(10)")) {
          set.next();
          return set.getLong(1) + " " + set.getBigDecimal(1) + " " + set.getString(1);
        }
      });
      step("plain types", () -> rows(statement.executeQuery(
          "SELECT 170141183460469231731::HUGEINT AS h, '6f9619ff-8b86-d011-b42d-00c04fc964ff'::UUID AS u, '101'::BIT AS b, "
              + "'12:00:00+02'::TIMETZ AS t, '-123456789012345678901234567890'::BIGNUM AS n, '{\"a\":1}'::JSON AS j")));
      step("lossless types", () -> {
        try (Connection lossless = DriverManager.getConnection("jdbc:arrow-flight-sql://" + args[0] + "?x-flightgate-lossless-types=true", properties);
            Statement other = lossless.createStatement();
            ResultSet set = other.executeQuery("SELECT sum(range) AS s FROM range(10)")) {
          return set.getMetaData().getColumnTypeName(1);
        }
      });
      String moment = "SELECT TIMESTAMPTZ '2024-01-02 03:04:05+00' AS v";
      step("moment", () -> {
        try (ResultSet set = statement.executeQuery(moment)) {
          set.next();
          Calendar utc = Calendar.getInstance(TimeZone.getTimeZone("UTC"));
          return set.getString(1) + "|" + set.getTimestamp(1, utc) + "|" + set.getTimestamp(1) + "|" + set.getObject("v");
        }
      });
      step("moment by number", () -> rows(statement.executeQuery(moment)));
      step("no rows", () -> rows(statement.executeQuery("SELECT 1 AS a WHERE false")));
      step("large", () -> {
        try (ResultSet set = statement.executeQuery("SELECT range AS i FROM range(300000)")) {
          long sum = 0;
          while (set.next()) {
            sum += set.getLong(1);
          }
          return sum;
        }
      });
      step("prepared", () -> {
        try (PreparedStatement prepared = connection.prepareStatement("SELECT ?::INTEGER + 1 AS a, ?::VARCHAR AS b")) {
          prepared.setInt(1, 41);
          prepared.setString(2, "y");
          return rows(prepared.executeQuery());
        }
      });
      step("create", () -> statement.executeUpdate("CREATE TABLE jdbc (i INTEGER, s VARCHAR)"));
      step("update", () -> statement.executeUpdate("INSERT INTO jdbc VALUES (1, 'a'), (2, 'b')"));
      step("prepared update", () -> {
        try (PreparedStatement prepared = connection.prepareStatement("INSERT INTO jdbc VALUES (?, ?)")) {
          prepared.setInt(1, 3);
          prepared.setString(2, "c");
          return prepared.executeUpdate();
        }
      });
      step("batch", () -> {
        try (PreparedStatement prepared = connection.prepareStatement("INSERT INTO jdbc VALUES (?, ?)")) {
          for (int i = 0; i < 3; i++) {
            prepared.setInt(1, 10 + i);
            prepared.setString(2, "batch");
            prepared.addBatch();
          }
          return Arrays.stream(prepared.executeBatch()).sum();
        }
      });
      step("count", () -> rows(statement.executeQuery("SELECT count(*) FROM jdbc")));
      step("syntax error", () -> rows(statement.executeQuery("SELEC 1")));
      step("unknown table", () -> rows(statement.executeQuery("SELECT * FROM missing")));

      DatabaseMetaData meta = connection.getMetaData();
      step("catalogs", () -> columns(meta.getCatalogs(), "TABLE_CAT"));
      step("schemas", () -> columns(meta.getSchemas(), "TABLE_CATALOG", "TABLE_SCHEM"));
      step("tables", () -> columns(meta.getTables("demo", "main", "%", null), "TABLE_NAME", "TABLE_TYPE"));
      step("views", () -> columns(meta.getTables(null, null, "%", new String[] {"VIEW"}), "TABLE_NAME"));
      step("only tables", () -> columns(meta.getTables(null, null, "%", new String[] {"TABLE"}), "TABLE_NAME"));
      step("pattern with a backslash at its end", () -> columns(meta.getTables(null, "main\\", "%", null), "TABLE_NAME"));
      step("table types", () -> columns(meta.getTableTypes(), "TABLE_TYPE"));
      step("columns", () -> columns(meta.getColumns("demo", "main", "child", "%"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS", "IS_NULLABLE"));
      step("primary keys", () -> columns(meta.getPrimaryKeys("demo", "main", "parent"), "TABLE_NAME", "COLUMN_NAME", "KEY_SEQ"));
      step("imported keys", () -> columns(meta.getImportedKeys("demo", "main", "child"), "PKTABLE_NAME", "PKCOLUMN_NAME", "FKTABLE_NAME", "FKCOLUMN_NAME"));
      step("exported keys", () -> columns(meta.getExportedKeys("demo", "main", "parent"), "FKTABLE_NAME", "FKCOLUMN_NAME"));
      step("cross reference", () -> columns(meta.getCrossReference("demo", "main", "parent", "demo", "main", "child"), "PKTABLE_NAME", "FKTABLE_NAME"));
      step("getters", () -> {
        List<String> failed = new ArrayList<>();
        int called = 0;
        for (var method : DatabaseMetaData.class.getMethods()) {
          if (method.getParameterCount() > 0 || method.getDeclaringClass() != DatabaseMetaData.class) {
            continue;
          }
          called++;
          try {
            if (method.invoke(meta) instanceof ResultSet set) {
              set.close();
            }
          } catch (Exception error) {
            Throwable cause = error.getCause() == null ? error : error.getCause();
            failed.add(method.getName() + " " + cause.getClass().getSimpleName());
          }
        }
        failed.sort(null);
        return called + " called, failed: " + failed;
      });
      step("product", () -> meta.getDatabaseProductName() + " " + meta.isReadOnly() + " " + meta.getIdentifierQuoteString() + " " + meta.getMaxColumnsInTable());
      step("keywords", () -> meta.getSQLKeywords().contains("QUALIFY"));
      step("converts", () -> meta.supportsConvert(java.sql.Types.INTEGER, java.sql.Types.VARCHAR));
    }
    properties.put("catalog", "demo");
    Connection chosen = DriverManager.getConnection("jdbc:arrow-flight-sql://" + args[0], properties);
    step("catalog property", () -> {
      try (Statement statement = chosen.createStatement()) {
        return chosen.getCatalog() + " " + rows(statement.executeQuery("SELECT 7"));
      }
    });
    try {
      chosen.close();
    } catch (Exception known) {
      // Both drivers end the session, close their channel, and then try to end the session again, which fails.
    }
    System.exit(0);
  }
}
