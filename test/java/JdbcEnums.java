import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Properties;

/** Reads ENUM columns with the JDBC driver, by each way there is to read; prints a line "step = result" for each. */
public final class JdbcEnums {
  private static final String ALL = "SELECT e, large, list, pair, names FROM enums ORDER BY i";

  private static String types(ResultSet set) throws Exception {
    try (set) {
      StringBuilder types = new StringBuilder();
      for (int i = 1; i <= set.getMetaData().getColumnCount(); i++) {
        types.append(i == 1 ? "" : "|").append(set.getMetaData().getColumnTypeName(i));
      }
      return types.toString();
    }
  }

  private static void readAll(Connection connection, String prefix) {
    JdbcWalk.step(prefix + "plain", () -> {
      try (Statement statement = connection.createStatement()) {
        return JdbcWalk.rows(statement.executeQuery(ALL));
      }
    });
    JdbcWalk.step(prefix + "prepared", () -> {
      try (PreparedStatement statement = connection.prepareStatement(ALL)) {
        return JdbcWalk.rows(statement.executeQuery());
      }
    });
    JdbcWalk.step(prefix + "bound", () -> {
      try (PreparedStatement statement = connection.prepareStatement("SELECT e FROM enums WHERE e = ? ORDER BY i")) {
        statement.setString(1, "middle");
        return JdbcWalk.rows(statement.executeQuery());
      }
    });
  }

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    properties.put("user", "anyone");
    properties.put("password", args[1]);
    properties.put("useEncryption", "false");
    String url = "jdbc:arrow-flight-sql://" + args[0];
    try (Connection connection = DriverManager.getConnection(url, properties)) {
      readAll(connection, "");
      JdbcWalk.step("strings", () -> {
        try (Statement statement = connection.createStatement();
            ResultSet set = statement.executeQuery("SELECT e FROM enums ORDER BY i")) {
          StringBuilder texts = new StringBuilder();
          while (set.next()) {
            texts.append(set.getString(1)).append('|').append(set.wasNull()).append(' ');
          }
          return texts.toString().trim();
        }
      });
      JdbcWalk.step("types", () -> {
        try (Statement statement = connection.createStatement()) {
          return types(statement.executeQuery(ALL));
        }
      });
      JdbcWalk.step("columns", () ->
          JdbcWalk.columns(
              connection.getMetaData().getColumns(null, null, "enums", "e"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME"));
      JdbcWalk.step("in many batches", () -> {
        try (Statement statement = connection.createStatement();
            ResultSet set = statement.executeQuery("SELECT e::VARCHAR AS text, e FROM enums, range(100000) ORDER BY i")) {
          long unlike = 0;
          long rows = 0;
          while (set.next()) {
            rows++;
            unlike += java.util.Objects.equals(set.getObject(1), set.getObject(2)) ? 0 : 1;
          }
          return rows + " rows, " + unlike + " unlike";
        }
      });
    }
    properties.put("x-flightgate-lossless-types", "true");
    try (Connection connection = DriverManager.getConnection(url, properties)) {
      readAll(connection, "lossless ");
    }
    System.exit(0);
  }
}
