import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/** Uses table names of several sources with the JDBC driver; prints a line "step = result" for each step. */
public final class JdbcNames {
  private static String who(Connection connection, String table) throws Exception {
    try (Statement statement = connection.createStatement()) {
      return JdbcWalk.rows(statement.executeQuery("SELECT who FROM " + table));
    }
  }

  private static int update(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return statement.executeUpdate(sql);
    }
  }

  private static String close(Connection connection) throws SQLException {
    connection.close();
    return "closed";
  }

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    properties.put("user", "anyone");
    properties.put("password", args[1]);
    properties.put("useEncryption", "false");
    String url = "jdbc:arrow-flight-sql://" + args[0];
    try (Connection connection = DriverManager.getConnection(url, properties)) {
      JdbcWalk.step("default", () -> who(connection, "t"));
      JdbcWalk.step("qualified", () -> who(connection, "second.main.t"));
      JdbcWalk.step("quoted", () -> who(connection, "\"second\".\"main\".\"t\""));
      JdbcWalk.step("prepared", () -> {
        try (PreparedStatement statement = connection.prepareStatement("SELECT who FROM second.main.t WHERE who = ?")) {
          statement.setString(1, "second");
          return JdbcWalk.rows(statement.executeQuery());
        }
      });
      JdbcWalk.step("update", () -> update(connection, "INSERT INTO second.main.t VALUES ('more')"));
      JdbcWalk.step("updated", () -> who(connection, "second.main.t"));
      JdbcWalk.step("setCatalog", () -> {
        connection.setCatalog("second");
        return who(connection, "t");
      });
      JdbcWalk.step("USE by executeUpdate", () -> update(connection, "USE second") + ": " + who(connection, "t"));
      JdbcWalk.step("USE by execute", () -> {
        try (Statement statement = connection.createStatement()) {
          return statement.execute("USE demo.other") + ": " + who(connection, "t");
        }
      });
    }
    properties.put("catalog", "second");
    Connection chosen = DriverManager.getConnection(url, properties);
    JdbcWalk.step("catalog property", () -> who(chosen, "t"));
    JdbcWalk.step("and another catalog", () -> who(chosen, "demo.main.t"));
    JdbcWalk.step("close with a catalog", () -> close(chosen));
    properties.remove("catalog");
    properties.put("x-flightgate-source", "second");
    Connection named = DriverManager.getConnection(url, properties);
    JdbcWalk.step("source header", () -> who(named, "t"));
    JdbcWalk.step("close with a source header", () -> close(named));
    System.exit(0);
  }
}
