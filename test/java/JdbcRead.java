import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads from sources of a Flight SQL endpoint with the JDBC driver; prints a line "source = rows" for each pair of
 * arguments after the first. Instead of SQL, "tables" lists the tables.
 *
 * <p>JdbcRead HOST:PORT [SOURCE SQL]...
 */
public final class JdbcRead {
  private static String rows(String url, String sql) throws SQLException {
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement();
        ResultSet set = statement.executeQuery(sql)) {
      int columns = set.getMetaData().getColumnCount();
      List<String> names = new ArrayList<>();
      for (int i = 1; i <= columns; i++) {
        names.add(set.getMetaData().getColumnLabel(i));
      }
      List<String> lines = new ArrayList<>(List.of(String.join("|", names)));
      while (set.next()) {
        List<String> row = new ArrayList<>();
        for (int i = 1; i <= columns; i++) {
          row.add(String.valueOf(set.getObject(i)));
        }
        lines.add(String.join("|", row));
      }
      return String.join("; ", lines);
    }
  }

  private static String tables(String url) throws SQLException {
    try (Connection connection = DriverManager.getConnection(url);
        ResultSet set = connection.getMetaData().getTables(null, null, "%", null)) {
      List<String> names = new ArrayList<>();
      while (set.next()) {
        names.add(set.getString("TABLE_CAT") + "." + set.getString("TABLE_NAME"));
      }
      return String.join("; ", names);
    }
  }

  public static void main(String[] args) {
    for (int i = 1; i + 1 < args.length; i += 2) {
      String url = "jdbc:arrow-flight-sql://" + args[0] + "?useEncryption=false&x-flightgate-source=" + args[i];
      String result;
      try {
        result = args[i + 1].equals("tables") ? tables(url) : rows(url, args[i + 1]);
      } catch (Exception error) {
        result = "FAILED " + error;
      }
      System.out.println(args[i] + " = " + result.replace("\n", "\\n"));
    }
    System.exit(0);
  }
}
