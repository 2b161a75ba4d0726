import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Properties;

/**
 * Tests what is specific to Dremio behind a Flight SQL endpoint, with the JDBC driver; prints a line "step = result"
 * for each step.
 *
 * <p>JdbcDremio HOST:PORT KEY
 */
public final class JdbcDremio {
  public static void main(String[] args) throws Exception {
    String url = "jdbc:arrow-flight-sql://" + args[0];
    Properties properties = new Properties();
    properties.put("user", "anyone");
    properties.put("password", args[1]);
    properties.put("useEncryption", "false");
    try (Connection connection = DriverManager.getConnection(url, properties);
        Statement statement = connection.createStatement()) {
      DatabaseMetaData meta = connection.getMetaData();
      JdbcWalk.step("tables", () -> JdbcWalk.columns(meta.getTables("demo", "tpch", "n%", null), "TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE"));
      JdbcWalk.step("columns", () -> JdbcWalk.columns(meta.getColumns("demo", "tpch", "nation", "%key"), "COLUMN_NAME", "DATA_TYPE"));
      JdbcWalk.step("prepared", () -> {
        String sql = "SELECT n_nationkey, n_name FROM tpch.nation WHERE n_nationkey < CAST(? AS INTEGER) AND n_name <> ? ORDER BY 1 -- ?";
        try (PreparedStatement prepared = connection.prepareStatement(sql)) {
          prepared.setString(1, "2");
          prepared.setString(2, "it's");
          String first = JdbcWalk.rows(prepared.executeQuery());
          prepared.setString(1, "1");
          String second = JdbcWalk.rows(prepared.executeQuery());
          return prepared.getParameterMetaData().getParameterCount() + ": " + first + " / " + second;
        }
      });
      JdbcWalk.step("create", () -> statement.executeUpdate("CREATE TABLE tpch.bound (i INTEGER, s VARCHAR)"));
      String insert = "INSERT INTO tpch.bound VALUES (CAST(? AS INTEGER), ?)";
      JdbcWalk.step("prepared update", () -> {
        try (PreparedStatement prepared = connection.prepareStatement(insert)) {
          prepared.setString(1, "1");
          prepared.setString(2, "a");
          return prepared.executeUpdate();
        }
      });
      JdbcWalk.step("batch", () -> {
        try (PreparedStatement prepared = connection.prepareStatement(insert)) {
          for (int i = 2; i < 5; i++) {
            prepared.setString(1, String.valueOf(i));
            prepared.setString(2, null);
            prepared.addBatch();
          }
          return Arrays.stream(prepared.executeBatch()).sum();
        }
      });
      JdbcWalk.step("bound", () -> JdbcWalk.rows(statement.executeQuery("SELECT * FROM tpch.bound ORDER BY i")));
      JdbcWalk.step("forbidden", () -> JdbcWalk.rows(statement.executeQuery("SELECT * FROM fault('plan_permission', 0)")));
      JdbcWalk.step("failed", () -> JdbcWalk.rows(statement.executeQuery("SELECT CAST(n_name AS INTEGER) FROM tpch.nation")));
      JdbcWalk.step("use", () -> JdbcWalk.rows(statement.executeQuery("USE tpch")));
      JdbcWalk.step("after errors", () -> JdbcWalk.rows(statement.executeQuery("SELECT 7")));
    }
    properties.put("password", "wrong");
    JdbcWalk.step("wrong key", () -> {
      try (Connection connection = DriverManager.getConnection(url, properties)) {
        return connection.isValid(5);
      }
    });
    System.exit(0);
  }
}
